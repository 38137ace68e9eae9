//! What a fault in one leg costs: that leg, and no other of its worker.

use crate::support::*;
use model::LegId;
use model::sound::MediaFact;
use ports::media::PlaneOrder;
use ports::{LegSink, MediaPlane};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A sink that breaks when sound comes.
struct Breaking(Arc<Facts>);

impl LegSink for Breaking {
    fn leg(&self, leg: LegId, fact: model::leg::LegFact) {
        self.0.leg(leg, fact);
    }

    fn media(&self, leg: LegId, fact: MediaFact) {
        assert_ne!(fact, MediaFact::FirstSound, "broken on purpose");
        self.0.media(leg, fact);
    }
}

#[test]
fn a_leg_that_panics_is_told_silent_and_all_others_go_on() {
    let mut rig = Rig::new(config());
    let facts = Arc::clone(&rig.facts);
    let (broken, mut its_peer) = rig.open(|open| open.sink = Arc::new(Breaking(facts)));
    rig.order(broken, PlaneOrder::Connect(connection(&its_peer)));
    let (other, mut peer) = rig.connect(|_| {});
    its_peer.next();
    its_peer.say(0, &[1; 160]);
    rig.facts.wait_for(broken, |fact| matches!(fact, MediaFact::TimedOut { .. }));
    rig.order(other, PlaneOrder::Echo { on: true });
    peer.say(0, &[0x21; 160]);
    peer.next_that(|got| got.payload == [0x21; 160]);
    assert_eq!(rig.close(other).received_packets, 1);
    rig.engine.close(broken);
    let (again, mut peer) = rig.connect(|_| {});
    peer.say(0, &[1; 160]);
    rig.facts.wait_for(again, |fact| *fact == MediaFact::FirstSound);
}

/// A sink that holds its worker up when sound comes, until it is let go.
struct Stuck(Mutex<Receiver<()>>);

impl LegSink for Stuck {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}

    fn media(&self, _leg: LegId, fact: MediaFact) {
        if fact == MediaFact::FirstSound {
            // Let go, or the test is over.
            let _ = self.0.lock().unwrap().recv();
        }
    }
}

#[test]
fn a_worker_that_stands_still_is_told_and_one_without_work_is_none() {
    let mut rig = Rig::new(config());
    let until = |ticking: bool, rig: &Rig| {
        let asked = Instant::now();
        while rig.engine.is_ticking() != ticking {
            assert!(asked.elapsed() < DEADLINE, "ticking: {}", !ticking);
            std::thread::yield_now();
        }
        asked.elapsed()
    };
    let (let_go, held) = sync_channel(1);
    let held = Arc::new(Stuck(Mutex::new(held)));
    let (leg, mut peer) = rig.open(|open| open.sink = held);
    rig.order(leg, PlaneOrder::Connect(connection(&peer)));
    peer.next();
    assert!(rig.engine.is_ticking());
    peer.say(0, &[1; 160]);
    let told = until(false, &rig);
    assert!(told > Duration::from_millis(900), "a short delay is no standstill: {told:?}");
    assert!(rig.engine.is_running(), "its thread lives");
    let_go.send(()).unwrap();
    until(true, &rig);
    rig.engine.close(leg);
    // Nothing is due any more, and an order is still carried out at once.
    let (again, mut peer) = rig.connect(|_| {});
    peer.say(0, &[1; 160]);
    rig.facts.wait_for(again, |fact| *fact == MediaFact::FirstSound);
    assert!(rig.engine.is_ticking());
}
