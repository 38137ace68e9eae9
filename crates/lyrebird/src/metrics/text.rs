//! Prometheus' text form, version 0.0.4.

use super::registry::Series;
use metrics::Key;
use std::fmt::Write as _;

/// A name with its help, its type and its series.
pub(super) fn family(page: &mut String, name: &str, help: Option<&str>, series: &[(&Key, Series)]) {
    let Some((_, first)) = series.first() else { return };
    let kind = match first {
        Series::Count(_) => "counter",
        Series::Level(_) => "gauge",
        Series::Spread(_) => "histogram",
    };
    head(page, name, help, kind);
    for (key, series) in series {
        let labels = labels(key);
        // Writing to a text cannot fail.
        let _ = match series {
            Series::Count(count) => writeln!(page, "{name}{} {}", braced(&labels), count.read()),
            Series::Level(level) => writeln!(page, "{name}{} {}", braced(&labels), number(level.read())),
            Series::Spread(spread) => {
                histogram(page, name, &labels, &spread.cumulated(), spread.sum());
                Ok(())
            }
        };
    }
}

/// What a name means and of which kind it is.
pub(super) fn head(page: &mut String, name: &str, help: Option<&str>, kind: &str) {
    if let Some(help) = help {
        let _ = writeln!(page, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', "\\n"));
    }
    let _ = writeln!(page, "# TYPE {name} {kind}");
}

fn histogram(page: &mut String, name: &str, labels: &str, buckets: &[(Option<f64>, u64)], sum: f64) {
    let comma = if labels.is_empty() { "" } else { "," };
    for (bound, count) in buckets {
        let bound = bound.map_or_else(|| "+Inf".to_owned(), number);
        let _ = writeln!(page, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(page, "{name}_sum{} {}", braced(labels), number(sum));
    let count = buckets.last().map_or(0, |(_, count)| *count);
    let _ = writeln!(page, "{name}_count{} {count}", braced(labels));
}

/// `name="value",…`, by name.
pub(super) fn labels(key: &Key) -> String {
    let mut labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
    labels.sort_unstable();
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<_> =
        labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    labels.join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::series::Spread;
    use metrics::{HistogramFn, Label};
    use std::sync::Arc;

    #[test]
    fn a_histogram_as_prometheus_reads_it() {
        let spread = Arc::new(Spread::new(&[0.5, 1.0]));
        spread.record(0.7);
        let key = Key::from_parts("wait_seconds", vec![Label::new("who", "a\"b\\c\nd")]);
        let mut page = String::new();
        family(&mut page, "wait_seconds", Some("How long."), &[(&key, Series::Spread(spread))]);
        let who = "who=\"a\\\"b\\\\c\\nd\"";
        assert_eq!(
            page,
            format!(
                "# HELP wait_seconds How long.\n# TYPE wait_seconds histogram\n\
                 wait_seconds_bucket{{{who},le=\"0.5\"}} 0\nwait_seconds_bucket{{{who},le=\"1\"}} 1\n\
                 wait_seconds_bucket{{{who},le=\"+Inf\"}} 1\nwait_seconds_sum{{{who}}} 0.7\n\
                 wait_seconds_count{{{who}}} 1\n"
            )
        );
    }
}
