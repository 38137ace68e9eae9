//! Two endpoints under random orders, over a clean network and one that loses, delays and reorders: whatever is ordered
//! when, each call ends exactly once on both sides, what was promised is told, and nothing lives afterwards. A failure
//! prints its seed.
#![cfg(test)]

mod bed;

use bed::{A, ANSWER, B, Bed, OFFER, call};
use sip::{
    AnswerPlace, CallKey, Event, Order, OutgoingCall, Refer, ReferId, ReferProgress, ReferTarget, Rejection,
};
use std::collections::BTreeMap;

const SEEDS: u64 = 300;
const STEPS: usize = 60;

/// Numbers by seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// Two endpoints whose sessions are refreshed often.
fn short_lived(seed: u64, is_lossy: bool) -> Bed {
    let mut bed = Bed::new(seed);
    for peer in [A, B] {
        let address = bed.peers[peer].address;
        let mut config = bed::config(address);
        config.session_timers.expires_secs = Some(90);
        let mut bytes = [peer as u8 + 1; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        bed.peers[peer].endpoint = sip::Endpoint::new(config, bytes);
    }
    if is_lossy {
        bed.loss_per_mille = 100;
        bed.delay_ms = 5..205;
    }
    bed
}

/// Any order about a call; most make no sense most of the time.
fn any_order(key: CallKey, refer: Option<ReferId>, dice: &mut Dice) -> Order {
    let sdp = if dice.below(5) == 0 { Vec::new() } else { OFFER.to_vec() };
    let refer = refer.unwrap_or(ReferId(1));
    let code = [100, 180, 200, 486][dice.below(4) as usize];
    match dice.below(16) {
        0 => Order::Ring { key, code: 180, sdp: None },
        1 | 2 => Order::Ring { key, code: 183, sdp: Some(ANSWER.to_vec()) },
        3 | 4 => Order::Answer { key, sdp: ANSWER.to_vec() },
        5 => Order::Reject { key, rejection: Rejection::with_code(486) },
        6 => Order::HangUp { key, q850: None },
        7 | 8 => Order::Reinvite { key, sdp },
        9 => Order::GiveAnswer { key, place: AnswerPlace::Ack, sdp: ANSWER.to_vec() },
        10 => Order::GiveAnswer { key, place: AnswerPlace::Prack { fork: 0 }, sdp: ANSWER.to_vec() },
        11 => Order::AnswerReinvite { key, sdp: ANSWER.to_vec() },
        12 => Order::RejectReinvite { key, code: 488 },
        13 => {
            let target = ReferTarget::Uri("sip:x@h".into());
            Order::Refer {
                key,
                refer: Refer { target, referred_by: true, wants_progress: dice.below(4) > 0 },
            }
        }
        14 => Order::AnswerRefer { key, refer, code: if code == 486 { 603 } else { 202 } },
        _ => Order::NotifyRefer { key, refer, code, reason: None },
    }
}

/// What an application mostly does at once.
fn sensible(event: &Event, dice: &mut Dice) -> Vec<Order> {
    if dice.below(3) == 0 {
        return Vec::new();
    }
    match event {
        Event::Incoming { key, .. } => vec![
            Order::Ring { key: *key, code: 183, sdp: Some(ANSWER.to_vec()) },
            Order::Answer { key: *key, sdp: ANSWER.to_vec() },
        ],
        Event::ReinviteReceived { key, .. } => {
            vec![Order::AnswerReinvite { key: *key, sdp: ANSWER.to_vec() }]
        }
        Event::AnswerWanted { key, place, .. } => {
            vec![Order::GiveAnswer { key: *key, place: *place, sdp: ANSWER.to_vec() }]
        }
        Event::ReferReceived { key, refer, .. } => {
            vec![Order::AnswerRefer { key: *key, refer: *refer, code: 202 }]
        }
        _ => Vec::new(),
    }
}

/// The calls a peer heard of, and how often each ended.
fn ends(bed: &Bed, peer: usize) -> BTreeMap<CallKey, usize> {
    let mut ends = BTreeMap::new();
    for (_, event) in &bed.peers[peer].events {
        match event {
            Event::Incoming { key, .. } => {
                ends.insert(*key, 0);
            }
            Event::Failed { key, .. } | Event::Canceled { key, .. } | Event::Ended { key, .. } => {
                *ends.entry(*key).or_default() += 1;
            }
            _ => {}
        }
    }
    ends
}

fn is_end_of_refer(event: &Event) -> bool {
    use ReferProgress::{Failed, Succeeded, Untold};
    matches!(event, Event::ReferProgress { progress: Succeeded { .. } | Failed { .. } | Untold, .. })
}

fn run(seed: u64, is_lossy: bool) {
    let mut bed = short_lived(seed, is_lossy);
    let mut dice = Dice(seed ^ 0xabcd);
    for peer in [A, B] {
        let mut dice = Dice(seed.wrapping_mul(31) + peer as u64);
        bed.behave(peer, move |event| sensible(event, &mut dice));
    }
    let (mut placed, mut refers) = (0, 0);
    for _ in 0..STEPS {
        let peer = dice.below(2) as usize;
        if placed < 3 && dice.below(8) == 0 || placed == 0 {
            placed += 1;
            let sdp = if dice.below(3) == 0 { Vec::new() } else { OFFER.to_vec() };
            let call = OutgoingCall { sdp, ..call() };
            bed.order(A, Order::Invite { key: CallKey(placed), call: Box::new(call) });
        }
        let mut keys: Vec<_> = ends(&bed, peer).into_keys().chain((1..=placed).map(CallKey)).collect();
        keys.retain(|key| key.is_incoming() == (peer == B));
        if let Some(key) = keys.get(dice.below(keys.len() as u64) as usize) {
            let refer = bed.peers[peer].events.iter().rev().find_map(|(_, event)| match event {
                Event::ReferReceived { refer, .. } => Some(*refer),
                _ => None,
            });
            let order = any_order(*key, refer, &mut dice);
            let is_refer = matches!(order, Order::Refer { .. });
            let now = bed.now;
            let taken = bed.peers[peer].endpoint.handle_order(order, now).is_ok();
            refers += usize::from(is_refer && taken);
            bed.drain(peer);
        }
        let pause = [0, 30, 300, 3_000, 20_000][dice.below(5) as usize];
        bed.run_ms(dice.below(pause + 1));
    }
    for peer in [A, B] {
        for key in ends(&bed, peer).into_keys().chain((1..=placed).map(CallKey)) {
            let now = bed.now;
            let _ = bed.peers[peer].endpoint.handle_order(Order::HangUp { key, q850: None }, now);
            bed.drain(peer);
        }
    }
    // A CANCEL that is never answered, then what lingers.
    bed.run_ms(110_000);
    let shown = |bed: &Bed| {
        format!("seed {seed}, lossy {is_lossy}: {:#?} {:#?} {:#?}", bed.heard(A), bed.heard(B), bed.wire())
    };
    for peer in [A, B] {
        let ends = ends(&bed, peer);
        let load = bed.peers[peer].endpoint.load();
        assert_eq!(load, sip::Load::default(), "peer {peer} still holds something; {}", shown(&bed));
        assert!(ends.values().all(|count| *count == 1), "peer {peer}: {ends:?}; {}", shown(&bed));
    }
    assert_eq!(ends(&bed, A).len() as u64, placed, "{}", shown(&bed));
    let events = bed.peers.iter().flat_map(|peer| peer.events.iter());
    let told = events.filter(|(_, event)| is_end_of_refer(event)).count();
    assert_eq!(told, refers, "each REFER ends once; {}", shown(&bed));
}

#[test]
fn random_orders_over_a_clean_network_leave_nothing_behind() {
    (0..SEEDS).for_each(|seed| run(seed, false));
}

#[test]
fn random_orders_over_a_bad_network_leave_nothing_behind() {
    (0..SEEDS).for_each(|seed| run(seed, true));
}
