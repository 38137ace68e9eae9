//! DNS records as far as SIP reads them, and the orders they come in (RFC 2782, 3263, 3403). Knows no query.

use crate::endpoint::order::Transport;
use std::cmp::Reverse;

/// A NAPTR record (RFC 3403).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones come first, and later ones only if those are of no use.
    pub order: u16,
    /// Among those of one order, lower ones come first.
    pub preference: u16,
    /// `s` for a record that leads to SRV.
    pub flags: String,
    /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`, …
    pub service: String,
    /// The name to ask SRV for.
    pub replacement: String,
}

impl Naptr {
    /// The transport it leads to, if it is one of SIP that we know and leads to SRV.
    pub(super) fn transport(&self) -> Option<Transport> {
        if !self.flags.eq_ignore_ascii_case("s") || trim_dot(&self.replacement).is_empty() {
            return None;
        }
        let known = [("SIP+D2U", Transport::Udp), ("SIP+D2T", Transport::Tcp), ("SIPS+D2T", Transport::Tls)];
        let found = known.into_iter().find(|(service, _)| service.eq_ignore_ascii_case(&self.service));
        found.map(|(_, transport)| transport)
    }
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones come first.
    pub priority: u16,
    /// Among those of one priority, how often this one comes first.
    pub weight: u16,
    /// Port; never 0 in a record that serves.
    pub port: u16,
    /// The host; `.` says that there is no such service.
    pub target: String,
}

/// A name without the dot of the root.
pub(super) fn trim_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Numbers drawn from one seed (splitmix64): the same seed, the same order.
#[derive(Clone, Debug)]
pub(super) struct Draws(pub(super) u64);

impl Draws {
    /// 0..=`most`.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % (most + 1)
    }
}

/// The order in which SRV records are to be tried (RFC 2782): by priority, within one by lot according to weight.
pub(super) fn in_order(mut records: Vec<Srv>, draws: &mut Draws) -> Vec<Srv> {
    // Those of weight 0 first, so that their small chance is the draw of 0.
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let end = records.partition_point(|record| record.priority <= first.priority);
        let mut group: Vec<_> = records.drain(..end).collect();
        while !group.is_empty() {
            let total: u64 = group.iter().map(|record| u64::from(record.weight)).sum();
            let drawn = draws.up_to(total);
            let mut sum = 0;
            let at = group.iter().position(|record| {
                sum += u64::from(record.weight);
                sum >= drawn
            });
            ordered.push(group.remove(at.unwrap_or_default()));
        }
    }
    ordered
}

/// NAPTR records that serve, in order: of one transport only the first, as the others would be asked for the same.
pub(super) fn usable(mut records: Vec<Naptr>, may: impl Fn(Transport) -> bool) -> Vec<(Transport, String)> {
    records.sort_by_key(|record| (record.order, record.preference, Reverse(record.service.len())));
    let found = records.iter().filter_map(|record| Some((record.transport()?, &record.replacement)));
    let mut used: Vec<(Transport, String)> = Vec::new();
    for (transport, name) in found.filter(|(transport, _)| may(*transport)) {
        if !used.iter().any(|(known, _)| *known == transport) {
            used.push((transport, trim_dot(name).to_ascii_lowercase()));
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.into() }
    }

    #[test]
    fn lower_priorities_come_first_and_weights_decide_by_lot() {
        let records = vec![srv(20, 0, "late"), srv(10, 30, "small"), srv(10, 60, "big"), srv(10, 0, "zero")];
        let mut first = std::collections::BTreeMap::new();
        for seed in 0..10_000 {
            let ordered = in_order(records.clone(), &mut Draws(seed));
            assert_eq!(ordered.len(), 4);
            assert_eq!(ordered[3].target, "late");
            *first.entry(ordered[0].target.clone()).or_insert(0u32) += 1;
        }
        // One part in 91, 30 and 60 of 91.
        assert!((20..300).contains(&first["zero"]), "{first:?}");
        assert!((3_000..3_600).contains(&first["small"]), "{first:?}");
        assert!((6_200..6_900).contains(&first["big"]), "{first:?}");
    }

    #[test]
    fn only_records_of_sip_that_lead_to_srv_serve() {
        let naptr = |order, preference, flags: &str, service: &str| Naptr {
            order,
            preference,
            flags: flags.into(),
            service: service.into(),
            replacement: format!("{service}.Example."),
        };
        let records = vec![
            naptr(2, 1, "s", "SIP+D2U"),
            naptr(1, 2, "S", "sip+d2t"),
            naptr(1, 1, "s", "SIPS+D2T"),
            naptr(0, 0, "u", "SIP+D2U"),
            naptr(0, 0, "s", "SIP+D2S"),
            naptr(0, 0, "s", "E2U+sip"),
            naptr(9, 9, "s", "SIP+D2U"),
        ];
        let words = |may: &dyn Fn(Transport) -> bool| {
            let found = usable(records.clone(), may).into_iter();
            found.map(|(transport, name)| format!("{} {name}", transport.parameter())).collect::<Vec<_>>()
        };
        assert_eq!(words(&|_| true), ["tls sips+d2t.example", "tcp sip+d2t.example", "udp sip+d2u.example"]);
        assert_eq!(words(&|transport| transport == Transport::Udp), ["udp sip+d2u.example"]);
        assert_eq!(words(&|_| false), [""; 0]);
    }
}
