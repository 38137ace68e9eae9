//! The network between the two sides as a pure model: delay, jitter, loss, reordering, duplicates, partitions. Tells
//! for each packet when it arrives, and how often. Knows no packet's content.

use crate::dice::Dice;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest delay and jitter that may be asked for, in milliseconds.
const MS_MAX: u32 = 10_000;
/// How much later a packet is that lets others overtake it.
const OVERTAKEN_MS: u64 = 60;

/// How a network behaves, both ways alike. Shares are of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NetworkProfile {
    /// The least time on the way.
    pub delay_ms: u32,
    /// At most so much is added to it, evenly spread.
    pub jitter_ms: u32,
    /// Packets that are lost.
    pub loss_permille: u32,
    /// Packets that are held until others have overtaken them.
    pub reorder_permille: u32,
    /// Packets that come twice.
    pub duplicate_permille: u32,
    /// When nothing passes any more, from the beginning.
    pub partition_from_ms: u32,
    /// For how long; 0: never.
    pub partition_ms: u32,
}

/// The text describes no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; a network is `clean`, `mobile`, `bad`, or {KEYS}, as in `mobile,loss=5`")]
pub struct NetworkError {
    /// What is wrong.
    pub what: String,
}

const KEYS: &str = "delay=<ms>, jitter=<ms>, loss=<per cent>, reorder=<per cent>, duplicate=<per cent>, \
                    partition=<from ms>+<for ms>";

impl NetworkProfile {
    /// A local network: half a millisecond would be true, one is simple.
    pub const CLEAN: Self = Self {
        delay_ms: 1,
        jitter_ms: 0,
        loss_permille: 0,
        reorder_permille: 0,
        duplicate_permille: 0,
        partition_from_ms: 0,
        partition_ms: 0,
    };
    /// A mobile phone in a town.
    pub const MOBILE: Self =
        Self { delay_ms: 45, jitter_ms: 30, loss_permille: 10, reorder_permille: 5, ..Self::CLEAN };
    /// As bad as a call can just about be held on.
    pub const BAD: Self = Self {
        delay_ms: 80,
        jitter_ms: 200,
        loss_permille: 100,
        reorder_permille: 30,
        duplicate_permille: 10,
        ..Self::CLEAN
    };

    /// Reads a name, or names and figures one after the other; later ones win: `bad,loss=2.5`.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let mut profile = Self::CLEAN;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match (part, part.split_once('=')) {
                ("clean", _) => profile = Self::CLEAN,
                ("mobile", _) => profile = Self::MOBILE,
                ("bad", _) => profile = Self::BAD,
                (_, Some((key, value))) => profile.set(key.trim(), value.trim())?,
                _ => return Err(NetworkError { what: format!("`{part}` is no network") }),
            }
        }
        Ok(profile)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), NetworkError> {
        let wrong = || NetworkError { what: format!("`{key}={value}` cannot be read") };
        let millis = |text: &str| text.parse::<u32>().ok().filter(|ms| *ms <= MS_MAX).ok_or_else(wrong);
        let permille = || {
            let share = value.trim_end_matches('%').parse::<f32>().map_err(|_| wrong())?;
            // Within 0–100 by the check, so within 0–1000 afterwards.
            if (0.0..=100.0).contains(&share) { Ok((share * 10.0).round() as u32) } else { Err(wrong()) }
        };
        match key {
            "delay" => self.delay_ms = millis(value)?,
            "jitter" => self.jitter_ms = millis(value)?,
            "loss" => self.loss_permille = permille()?,
            "reorder" => self.reorder_permille = permille()?,
            "duplicate" => self.duplicate_permille = permille()?,
            "partition" => {
                let (from, length) = value.split_once('+').ok_or_else(wrong)?;
                self.partition_from_ms = from.parse().map_err(|_| wrong())?;
                self.partition_ms = length.parse().map_err(|_| wrong())?;
            }
            _ => return Err(NetworkError { what: format!("`{key}` is no figure of a network") }),
        }
        Ok(())
    }

    /// Whether all that is sent arrives, once and in order.
    pub const fn is_faithful(&self) -> bool {
        self.loss_permille == 0
            && self.reorder_permille == 0
            && self.duplicate_permille == 0
            && self.partition_ms == 0
            && self.jitter_ms == 0
    }
}

/// When a packet arrives: not at all, once or twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals {
    /// The packet.
    pub first: Option<Timestamp>,
    /// Its copy.
    pub second: Option<Timestamp>,
}

/// The network, one way or both: each packet's fate is a throw of its dice.
#[derive(Debug)]
pub struct Network {
    profile: NetworkProfile,
    dice: Dice,
    began: Timestamp,
}

impl Network {
    /// A network of this profile, whose partition is counted from `began`.
    pub const fn new(profile: NetworkProfile, dice: Dice, began: Timestamp) -> Self {
        Self { profile, dice, began }
    }

    /// A packet is sent `now`.
    pub fn send(&mut self, now: Timestamp) -> Arrivals {
        let NetworkProfile { loss_permille, duplicate_permille, .. } = self.profile;
        let lost = self.is_parted(now) || self.dice.in_thousand(loss_permille);
        let first = (!lost).then(|| self.arrival(now));
        let second = (!lost && self.dice.in_thousand(duplicate_permille)).then(|| self.arrival(now));
        Arrivals { first, second }
    }

    fn arrival(&mut self, now: Timestamp) -> Timestamp {
        let NetworkProfile { delay_ms, jitter_ms, reorder_permille, .. } = self.profile;
        let mut late_us = u64::from(delay_ms) * 1_000;
        if jitter_ms > 0 {
            late_us += self.dice.below(u64::from(jitter_ms) * 1_000);
        }
        if self.dice.in_thousand(reorder_permille) {
            late_us += OVERTAKEN_MS * 1_000;
        }
        now + Duration::from_micros(late_us)
    }

    fn is_parted(&self, now: Timestamp) -> bool {
        let NetworkProfile { partition_from_ms, partition_ms, .. } = self.profile;
        let from = self.began + Duration::from_millis(partition_from_ms.into());
        partition_ms > 0 && now >= from && now.since(from) < Duration::from_millis(partition_ms.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<NetworkProfile, &str>) {
        match (NetworkProfile::parse(text), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
            (Err(error), Err(part)) => assert!(error.what.contains(part), "{text}: {error}"),
            (got, expected) => panic!("{text}: {got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn networks_are_named_or_told_by_figures() {
        check("clean", Ok(NetworkProfile::CLEAN));
        check("", Ok(NetworkProfile::CLEAN));
        check("bad, loss=2.5", Ok(NetworkProfile { loss_permille: 25, ..NetworkProfile::BAD }));
        let figures = NetworkProfile { loss_permille: 50, jitter_ms: 40, ..NetworkProfile::CLEAN };
        check("loss=5,jitter=40", Ok(figures));
        let parted = NetworkProfile { partition_from_ms: 1_000, partition_ms: 500, ..NetworkProfile::CLEAN };
        check("partition=1000+500", Ok(parted));
        check("loss=101", Err("loss=101"));
        check("dialay=5", Err("dialay"));
        check("good", Err("good"));
        check("partition=5", Err("partition=5"));
    }

    #[test]
    fn shares_come_out_as_asked() {
        let profile = NetworkProfile { loss_permille: 100, duplicate_permille: 50, ..NetworkProfile::CLEAN };
        let mut network = Network::new(profile, Dice::new(7), Timestamp::default());
        let arrivals: Vec<Arrivals> =
            (0..20_000).map(|at| network.send(Timestamp::from_millis(at))).collect();
        let lost = arrivals.iter().filter(|it| it.first.is_none()).count();
        let twice = arrivals.iter().filter(|it| it.second.is_some()).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!((800..1_000).contains(&twice), "{twice}");
    }

    #[test]
    fn a_partition_lets_nothing_through_and_heals() {
        let profile = NetworkProfile::parse("partition=1000+500").unwrap();
        let mut network = Network::new(profile, Dice::new(7), Timestamp::default());
        let passes: Vec<bool> = [999, 1_000, 1_499, 1_500]
            .map(|at| network.send(Timestamp::from_millis(at)).first.is_some())
            .to_vec();
        assert_eq!(passes, [true, false, false, true]);
    }
}
