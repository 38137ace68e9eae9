//! What a bad network does to the packets of one direction: which are lost, how late the others come, which are
//! overtaken. Pure: the same seed spoils the same packets.

use model::sound::Impairment;
use model::{IdSource, Timestamp};
use std::time::Duration;

/// How late a packet comes that others overtake, beyond its own delay: longer than one packet.
const OVERTAKEN: Duration = Duration::from_millis(25);

/// One direction of a bad network.
pub(super) struct Spoiler {
    impairment: Impairment,
    chance: IdSource,
    /// No packet that keeps its place comes before this.
    last: Timestamp,
}

impl Spoiler {
    /// The direction `number` of a network.
    pub(super) fn new(impairment: Impairment, number: u64) -> Self {
        let chance = IdSource::new(impairment.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { impairment, chance, last: Timestamp::default() }
    }

    /// When a packet comes that was sent now; never, if it is lost.
    pub(super) fn arrival(&mut self, now: Timestamp) -> Option<Timestamp> {
        // Each packet takes three numbers, whatever happens to it, so that one setting does not move another's dice.
        let (loss, delay, order) = (self.per_cent(), self.chance.next_u64(), self.per_cent());
        if loss < self.impairment.loss_percent {
            return None;
        }
        let span_us = u64::from(self.impairment.jitter_ms) * 1_000 + 1;
        let due = now + Duration::from_micros(delay % span_us);
        if order < self.impairment.reorder_percent {
            return Some(due + OVERTAKEN);
        }
        self.last = self.last.max(due);
        Some(self.last)
    }

    /// 0 to just below 100.
    fn per_cent(&mut self) -> f32 {
        let number = u16::try_from(self.chance.next_u64() % 10_000).unwrap_or_default();
        f32::from(number) / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(impairment: Impairment, packets: u64) -> Vec<Option<u64>> {
        let mut spoiler = Spoiler::new(impairment, 1);
        let sent = |n: u64| Timestamp::from_millis(1_000 + n * 20);
        (0..packets).map(|n| spoiler.arrival(sent(n)).map(|due| (due - sent(n)).as_micros() as u64)).collect()
    }

    fn impairment(loss_percent: f32, jitter_ms: u32, reorder_percent: f32) -> Impairment {
        Impairment { loss_percent, jitter_ms, reorder_percent, seed: 17 }
    }

    #[test]
    fn the_same_seed_spoils_the_same_packets_and_another_one_others() {
        let bad = impairment(5.0, 40, 2.0);
        assert_eq!(arrivals(bad, 1_000), arrivals(bad, 1_000));
        assert_ne!(arrivals(bad, 1_000), arrivals(Impairment { seed: 18, ..bad }, 1_000));
    }

    #[test]
    fn so_many_are_lost_and_so_late_are_the_others() {
        let arrivals = arrivals(impairment(5.0, 40, 0.0), 10_000);
        let lost = arrivals.iter().filter(|arrival| arrival.is_none()).count();
        assert!((400..600).contains(&lost), "{lost}");
        let late: Vec<_> = arrivals.into_iter().flatten().collect();
        assert!(late.iter().all(|us| *us <= 40_000), "none is later than the jitter");
        assert!(late.iter().any(|us| *us < 5_000) && late.iter().any(|us| *us > 35_000));
    }

    #[test]
    fn packets_keep_their_order_unless_they_shall_not() {
        let overtaken = |reorder_percent| {
            let arrivals = arrivals(impairment(0.0, 40, reorder_percent), 10_000);
            let times: Vec<_> =
                arrivals.iter().zip(0_u64..).map(|(us, n)| us.unwrap() + n * 20_000).collect();
            times.windows(2).filter(|pair| pair[1] < pair[0]).count()
        };
        assert_eq!(overtaken(0.0), 0);
        assert!((50..400).contains(&overtaken(2.0)), "{}", overtaken(2.0));
    }

    #[test]
    fn a_good_network_does_nothing() {
        assert!(arrivals(impairment(0.0, 0, 0.0), 100).iter().all(|us| *us == Some(0)));
    }
}
