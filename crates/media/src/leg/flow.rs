//! Whether sound goes both ways: nothing comes, nothing arrives, or what comes is nothing but digital silence. Says each
//! change once; counts no packet itself.

use model::Timestamp;
use model::sound::{MediaFact, SoundWay};
use std::time::Duration;

/// Nothing came for so long while we were sending: sound goes one way.
const ONE_WAY: Duration = Duration::from_secs(4);
/// Nothing but digital silence for so long is worth saying.
const SILENT: Duration = Duration::from_secs(10);

/// What was said last.
#[derive(Debug)]
pub(crate) struct Flow {
    silence_limit: Option<Duration>,
    /// Nothing is measured from before this.
    began_at: Timestamp,
    timed_out: bool,
    missing: Option<SoundWay>,
    silent: bool,
}

/// What was seen of the far side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// When anything of it last came, a report too.
    pub(crate) alive_at: Timestamp,
    /// When a packet of sound, noise or digits last came.
    pub(crate) heard_at: Timestamp,
    /// Whether it said last that it pauses (comfort noise).
    pub(crate) paused: bool,
    /// When a packet that was no digital silence last came.
    pub(crate) sounded_at: Timestamp,
    /// For how long its reports have said that nothing of ours arrives.
    pub(crate) unreached: Option<Duration>,
}

impl Flow {
    /// Nothing was said.
    pub(crate) fn new(silence_limit: Option<Duration>) -> Self {
        let began_at = Timestamp::default();
        Self { silence_limit, began_at, timed_out: false, missing: None, silent: false }
    }

    /// Something was agreed anew: time is measured from here.
    pub(crate) const fn begin(&mut self, now: Timestamp) {
        self.began_at = now;
    }

    /// Looks, and says what has changed.
    pub(crate) fn look(&mut self, seen: &Seen, now: Timestamp, mut say: impl FnMut(MediaFact)) {
        let since = |at: Timestamp| now - at.max(self.began_at);
        let gone = since(seen.alive_at);
        let timed_out = self.silence_limit.is_some_and(|limit| gone >= limit);
        if timed_out && !self.timed_out {
            say(MediaFact::TimedOut { silent_ms: millis(gone) });
        }
        self.timed_out = timed_out;
        let unheard = since(seen.heard_at);
        let missing = match seen.unreached {
            _ if unheard >= ONE_WAY && !seen.paused => Some((SoundWay::Received, unheard)),
            Some(unreached) => Some((SoundWay::Sent, unreached)),
            None => None,
        };
        match missing {
            Some((way, span)) if self.missing != Some(way) => {
                say(MediaFact::OneWay { missing: way, since_ms: millis(span) });
            }
            None if self.missing.is_some() => say(MediaFact::BothWays),
            _ => {}
        }
        self.missing = missing.map(|(way, _)| way);
        let quiet = since(seen.sounded_at);
        let silent = quiet >= SILENT && unheard < ONE_WAY && !seen.paused;
        match silent {
            true if !self.silent => say(MediaFact::Silent { since_ms: millis(quiet) }),
            false if self.silent => say(MediaFact::SilenceEnded),
            _ => {}
        }
        self.silent = silent;
    }
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    /// What is said at each second of what was seen: seconds since the last sign, sound, and real sound, and whether
    /// the far side pauses, and for how many seconds it was not reached.
    fn check(seconds: &[(u64, u64, u64, bool, Option<u64>)], expected: &[&str]) {
        let mut flow = Flow::new(Some(Duration::from_secs(30)));
        flow.begin(START);
        let mut said = Vec::new();
        let mut now = START + Duration::from_secs(100);
        for (alive, heard, sounded, paused, unreached) in seconds.iter().copied() {
            now = now + Duration::from_secs(1);
            let ago = |seconds: u64| Timestamp::from_micros(now.as_micros() - seconds * 1_000_000);
            let seen = Seen {
                alive_at: ago(alive),
                heard_at: ago(heard),
                paused,
                sounded_at: ago(sounded),
                unreached: unreached.map(Duration::from_secs),
            };
            flow.look(&seen, now, |fact| said.push(format!("{fact:?}")));
        }
        assert_eq!(said, expected);
    }

    #[test]
    fn each_change_is_said_once() {
        check(&[(0, 0, 0, false, None); 5], &[]);
        check(
            &[(0, 3, 3, false, None), (0, 4, 4, false, None), (0, 5, 5, false, None), (0, 0, 0, false, None)],
            &["OneWay { missing: Received, since_ms: 4000 }", "BothWays"],
        );
        check(
            &[(0, 0, 0, false, Some(9)), (0, 0, 0, false, Some(12)), (0, 0, 0, false, None)],
            &["OneWay { missing: Sent, since_ms: 9000 }", "BothWays"],
        );
        check(
            &[
                (0, 0, 9, false, None),
                (0, 0, 10, false, None),
                (0, 0, 11, false, None),
                (0, 0, 0, false, None),
            ],
            &["Silent { since_ms: 10000 }", "SilenceEnded"],
        );
        check(&[(0, 9, 99, true, None)], &[]);
        check(
            &[(30, 30, 30, false, None), (31, 31, 31, false, None), (0, 0, 0, false, None)],
            &["TimedOut { silent_ms: 30000 }", "OneWay { missing: Received, since_ms: 30000 }", "BothWays"],
        );
    }

    #[test]
    fn what_was_before_the_agreement_does_not_count() {
        let mut flow = Flow::new(Some(Duration::from_secs(2)));
        let now = START + Duration::from_secs(50);
        flow.begin(now);
        let seen =
            Seen { alive_at: START, heard_at: START, paused: false, sounded_at: START, unreached: None };
        let mut said = 0;
        flow.look(&seen, now + Duration::from_secs(1), |_| said += 1);
        assert_eq!(said, 0);
        flow.look(&seen, now + Duration::from_secs(2), |_| said += 1);
        assert_eq!(said, 1);
    }
}
