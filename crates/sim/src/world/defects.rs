//! Defects of the server that tests put into a world, to see that the invariants catch them. A program has none.

use std::time::Duration;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Defects {
    /// Hang-ups that the machine orders reach no leg.
    pub(super) deaf_leg: bool,
    /// So late does the machine hear of its timers.
    pub(super) timers_late: Duration,
    /// Nobody tries the webhooks of committed events.
    pub(super) forgotten_webhooks: bool,
    /// The sound of a leg that is over stays open.
    pub(super) kept_port: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Limits, Telling, World};
    use crate::{Plan, Program};
    use model::flow::{CallCommand, Hangup};

    /// Longer than webhooks are tried.
    const LIMITS: Limits = Limits { time: Duration::from_secs(5 * 24 * 3_600), steps: 1_000_000 };

    /// A call that the app hangs up after five seconds: what is noticed, and how long it took to end.
    fn check(defects: Defects, caught: Option<&str>) -> Duration {
        let plan = Plan {
            commands: vec![(5_000, CallCommand::Hangup(Hangup::default()))],
            ..Plan::outbound("+15005550000", None)
        };
        let mut world = World::new(&Program::of(plan, 3), Telling::All);
        world.defects = defects;
        let report = crate::to_its_end(world, LIMITS);
        let told = report.violation.as_ref().map(|violation| violation.what.as_str());
        let fits = match (told, caught) {
            (Some(told), Some(caught)) => told.contains(caught),
            (told, caught) => told == caught,
        };
        assert!(fits, "{defects:?}: {told:?}\n{}", report.to_text());
        let call = &report.calls[0].call;
        call.ended_at.map(|at| at.since(call.created_at)).unwrap_or_default()
    }

    #[test]
    fn a_leg_that_does_not_hear_a_hang_up_is_caught_and_its_call_ends_within_33_seconds() {
        let took = check(Defects { deaf_leg: true, ..Defects::default() }, Some("still going on"));
        assert!((Duration::from_secs(37)..=Duration::from_secs(39)).contains(&took), "{took:?}");
    }

    #[test]
    fn a_hang_up_that_takes_longer_is_caught() {
        let late = Defects { deaf_leg: true, timers_late: Duration::from_secs(1), ..Defects::default() };
        check(late, Some("the hang-up took"));
    }

    #[test]
    fn webhooks_and_ports_that_are_forgotten_are_caught() {
        check(Defects::default(), None);
        check(
            Defects { forgotten_webhooks: true, ..Defects::default() },
            Some("webhooks are neither delivered"),
        );
        check(Defects { kept_port: true, ..Defects::default() }, Some("still going on"));
    }
}
