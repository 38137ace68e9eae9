//! What a fault in one leg costs: that leg, and no other of its worker.

use crate::support::*;
use model::LegId;
use model::sound::MediaFact;
use ports::media::PlaneOrder;
use ports::{LegSink, MediaPlane};
use std::sync::Arc;

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
