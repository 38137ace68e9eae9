//! All series by name and labels. A series is looked up once a count; what must be quicker keeps its handle.

use super::series::{BYTES, COUNTS, Count, Level, SECONDS, Spread};
use super::text;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// Most series of one name; further ones are counted as refused and not kept.
const SERIES_MAX: usize = 512;
/// Counts refused series. Its own.
const REFUSED: &str = "lyrebird_metrics_series_refused_total";

/// See the file's head.
#[derive(Default)]
pub(crate) struct Registry {
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    series: HashMap<Key, Series>,
    per_name: HashMap<String, usize>,
    described: BTreeMap<String, Description>,
    refused: Arc<Count>,
}

/// What a name means.
struct Description {
    kind: &'static str,
    help: String,
}

/// One series.
#[derive(Clone)]
pub(super) enum Series {
    Count(Arc<Count>),
    Level(Arc<Level>),
    Spread(Arc<Spread>),
}

impl Registry {
    /// Everything, in Prometheus' text form.
    pub(crate) fn render(&self) -> String {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let mut families: BTreeMap<&str, Vec<(&Key, Series)>> = BTreeMap::new();
        for (key, series) in &kept.series {
            families.entry(key.name()).or_default().push((key, series.clone()));
        }
        let refused = Key::from_static_name(REFUSED);
        families.insert(REFUSED, vec![(&refused, Series::Count(kept.refused.clone()))]);
        let mut page = String::with_capacity(64 * 1024);
        for (name, mut series) in families {
            series.sort_by_key(|(key, _)| text::labels(key));
            text::family(&mut page, name, kept.described.get(name).map(|known| known.help.as_str()), &series);
        }
        // What was not counted yet has its name there already.
        let uncounted = kept.described.iter().filter(|(name, _)| !kept.per_name.contains_key(*name));
        for (name, Description { kind, help }) in uncounted {
            text::head(&mut page, name, Some(help), kind);
        }
        page
    }

    fn describe(&self, name: &KeyName, kind: &'static str, help: &SharedString) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.described.insert(name.as_str().to_owned(), Description { kind, help: help.to_string() });
    }

    /// The key's series; none when its name has as many as it may.
    fn series(&self, key: &Key, fresh: impl FnOnce() -> Series) -> Option<Series> {
        if let Some(known) = self.kept.read().unwrap_or_else(PoisonError::into_inner).series.get(key) {
            return Some(known.clone());
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.series.get(key) {
            return Some(known.clone());
        }
        let count = kept.per_name.entry(key.name().to_owned()).or_default();
        if *count >= SERIES_MAX {
            metrics::CounterFn::increment(kept.refused.as_ref(), 1);
            return None;
        }
        *count += 1;
        let series = fresh();
        kept.series.insert(key.clone(), series.clone());
        Some(series)
    }
}

/// The registry as the facade takes it.
pub(super) struct Shared(pub(super) Arc<Registry>);

impl Recorder for Shared {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, description: SharedString) {
        self.0.describe(&key, "counter", &description);
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, description: SharedString) {
        self.0.describe(&key, "gauge", &description);
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, description: SharedString) {
        self.0.describe(&key, "histogram", &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.0.series(key, || Series::Count(Arc::default())) {
            Some(Series::Count(count)) => Counter::from_arc(count),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.0.series(key, || Series::Level(Arc::default())) {
            Some(Series::Level(level)) => Gauge::from_arc(level),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.0.series(key, || Series::Spread(Arc::new(Spread::new(bounds(key.name()))))) {
            Some(Series::Spread(spread)) => Histogram::from_arc(spread),
            _ => Histogram::noop(),
        }
    }
}

/// The buckets that fit a name's unit.
fn bounds(name: &str) -> &'static [f64] {
    if name.ends_with("_seconds") {
        SECONDS
    } else if name.ends_with("_bytes") {
        BYTES
    } else {
        COUNTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_so_many_series_and_no_more() {
        let registry = Arc::new(Registry::default());
        let shared = Shared(registry.clone());
        metrics::with_local_recorder(&shared, || {
            for index in 0..SERIES_MAX + 3 {
                metrics::counter!("many_total", "index" => index.to_string()).increment(1);
            }
            metrics::counter!("few_total").increment(2);
            metrics::describe_gauge!("none", "Nothing yet.");
        });
        let page = registry.render();
        assert_eq!(page.matches("many_total{").count(), SERIES_MAX);
        assert!(page.contains("\nfew_total 2\n"), "{page}");
        assert!(page.contains("# HELP none Nothing yet.\n# TYPE none gauge\n"), "{page}");
        assert!(page.contains(&format!("{REFUSED} 3\n")), "{page}");
    }
}
