//! Climbing to the highest rate at which nothing goes wrong, by steps of a quarter. Knows nothing of what is measured.

use serde_json::{Value, json};

/// From one rate to the next.
const GROWTH: f64 = 1.25;
/// Below this nothing is looked for.
const RATE_MIN: f64 = 5.0;

/// What was measured at one rate.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Calls a second.
    pub(super) rate: f64,
    /// Whether every call was as it should be.
    pub(super) is_clean: bool,
    /// Milliseconds of a core that one call took.
    pub(super) cpu_ms: f64,
    /// Median and 99th percentile of the first of the work's spans, in milliseconds.
    pub(super) first: [f64; 2],
    /// The same of the second.
    pub(super) second: [f64; 2],
    /// What went wrong.
    pub(super) problem: Option<String>,
}

impl Step {
    /// For a person.
    pub(super) fn line(&self) -> String {
        let verdict = match &self.problem {
            Some(problem) => format!("NOT CLEAN: {problem}"),
            None => "clean".to_owned(),
        };
        format!(
            "{:>6.0}/s {verdict}, {:.3} ms of a core a call, p50 {:.2} p99 {:.2} ms; p50 {:.2} p99 {:.2} ms",
            self.rate, self.cpu_ms, self.first[0], self.first[1], self.second[0], self.second[1],
        )
    }

    /// For a program.
    pub(super) fn as_json(&self) -> Value {
        json!({
            "perSecond": self.rate, "clean": self.is_clean, "cpuMsPerCall": self.cpu_ms,
            "first": self.first, "second": self.second, "problem": self.problem,
        })
    }
}

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Climb {
    /// The first rate.
    pub(super) first: f64,
    /// Only that one.
    pub(super) fixed: bool,
}

impl Climb {
    /// The highest clean step, and all. A rate that fails is tried once more: the machine may have been busy.
    pub(super) fn climb(
        self,
        mut attempt: impl FnMut(f64) -> Result<Step, String>,
    ) -> Result<(Step, Vec<Step>), String> {
        let mut all = Vec::new();
        let mut best: Option<Step> = None;
        let mut rate = self.first;
        while rate >= RATE_MIN {
            let mut step = attempt(rate)?;
            all.push(step.clone());
            if !step.is_clean && !self.fixed {
                step = attempt(rate)?;
                all.push(step.clone());
            }
            if self.fixed {
                return Ok((step, all));
            }
            match (step.is_clean, &best) {
                (true, below) => {
                    // Coming down, the first clean one is the highest.
                    let coming_down = below.is_none() && rate < self.first;
                    best = Some(step);
                    if coming_down {
                        break;
                    }
                    rate *= GROWTH;
                }
                (false, Some(_)) => break,
                (false, None) => rate /= GROWTH,
            }
        }
        best.map(|best| (best, all)).ok_or_else(|| "no rate was clean".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: f64, limit: f64, expected: f64, attempts: usize) {
        let attempt = |rate: f64| {
            let is_clean = rate <= limit;
            Ok(Step { rate, is_clean, cpu_ms: 0.0, first: [0.0; 2], second: [0.0; 2], problem: None })
        };
        let (best, all) = Climb { first, fixed: false }.climb(attempt).unwrap();
        assert!((best.rate - expected).abs() < 0.01, "{}", best.rate);
        assert_eq!(all.len(), attempts);
    }

    #[test]
    fn the_highest_clean_rate_is_found_from_below_and_above() {
        check(100.0, 130.0, 125.0, 4);
        check(125.0, 110.0, 100.0, 3);
    }
}
