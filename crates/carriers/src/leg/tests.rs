//! A leg alone, where the order of things cannot be forced from outside.

use super::*;
use crate::leg::table::LegTable;
use crate::leg::transfer::TransferRules;
use model::leg::LegEndKind;
use model::sound::Codec;
use model::srtp::SrtpPolicy;
use model::{CallId, IdSource, LegId};
use ports::media::{Clip, FinishedRecording, OpenLeg, PlaneOrder};
use ports::{Ceiling, LegSink, MediaError, MediaPlane};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Plane {
    open: Mutex<Vec<LegId>>,
}

#[async_trait::async_trait]
impl MediaPlane for Plane {
    fn open(&self, open: OpenLeg) -> Result<SocketAddr, MediaError> {
        self.open.lock().unwrap().push(open.leg);
        Ok(SocketAddr::new(open.bind, 4_000))
    }

    fn order(&self, _leg: LegId, _order: PlaneOrder) -> Result<(), MediaError> {
        Ok(())
    }

    fn close(&self, leg: LegId) {
        self.open.lock().unwrap().retain(|open| *open != leg);
    }

    async fn prepare(&self, _content: bytes::Bytes) -> Result<Arc<Clip>, MediaError> {
        Err(MediaError::Busy)
    }

    async fn finish_recording(
        &self,
        _spool: PathBuf,
        _file: PathBuf,
    ) -> Result<FinishedRecording, MediaError> {
        Err(MediaError::Busy)
    }
}

#[derive(Default)]
struct Facts {
    legs: Mutex<Vec<LegFact>>,
    media: Mutex<Vec<MediaFact>>,
}

impl LegSink for Facts {
    fn leg(&self, _leg: LegId, fact: LegFact) {
        self.legs.lock().unwrap().push(fact);
    }

    fn media(&self, _leg: LegId, fact: MediaFact) {
        self.media.lock().unwrap().push(fact);
    }
}

/// A table, a plane, a sink, and bodies made of them.
struct Rig {
    table: Arc<LegTable>,
    plane: Arc<Plane>,
    facts: Arc<Facts>,
}

impl Rig {
    fn new() -> Self {
        Self { table: LegTable::new(Ceiling::new(2)), plane: Arc::default(), facts: Arc::default() }
    }

    fn body(&self, seed: u64) -> Body {
        let leg = leg_id(seed);
        let (plane, sink) = (Arc::<Plane>::clone(&self.plane), Arc::<Facts>::clone(&self.facts));
        let (plane, here): (Arc<dyn MediaPlane>, _) = (plane, [127, 0, 0, 1].into());
        let sound = LegSound::open(&plane, leg, here, here, &policy(), Arc::<Facts>::clone(&sink) as _);
        let mut report = Report::new(leg, sink);
        report.open();
        Body {
            sound: sound.unwrap(),
            seat: self.table.sit(leg).unwrap(),
            permit: None,
            transfers: TransferRules::default(),
            line: Line::Closed,
            report,
        }
    }

    fn incoming(&self) -> Leg {
        let profile = Profile {
            sound: policy(),
            permit: None,
            transfers: TransferRules::default(),
            line: Line::Closed,
        };
        let arrival = table::Arrival { peer: [127, 0, 0, 1].into(), profile };
        let key = CallKey(CallKey::FIRST_INCOMING.0 + 1);
        Leg::incoming(key, self.table.arrive(key, arrival), None, Story::new(None, None))
    }

    fn ends(&self) -> Vec<LegEndKind> {
        let legs = self.facts.legs.lock().unwrap();
        let kind = |fact: &LegFact| match fact {
            LegFact::Ended(end) => Some(end.kind),
            _ => None,
        };
        legs.iter().filter_map(kind).collect()
    }
}

fn policy() -> SoundPolicy {
    SoundPolicy {
        codecs: vec![Codec::Pcmu],
        prefer_ours: false,
        silence_limit: None,
        advertised: None,
        telephone_events: true,
        loopback_only: false,
        srtp: SrtpPolicy::Off,
    }
}

fn leg_id(seed: u64) -> LegId {
    LegId::new(CallId::generate(&mut IdSource::new(seed), Timestamp::from_millis(1)), 0)
}

fn command(leg: &mut Leg, command: Command) -> Vec<Order> {
    let mut orders = Vec::new();
    leg.command(command, Timestamp::default(), &mut orders);
    orders
}

#[test]
fn a_call_that_was_refused_cannot_be_taken_any_more() {
    let rig = Rig::new();
    let mut leg = rig.incoming();
    assert_eq!(command(&mut leg, Command::Reject(Rejection::with_code(486))).len(), 1);
    command(&mut leg, Command::Adopt(Box::new(rig.body(1))));
    assert_eq!(rig.ends(), [LegEndKind::Canceled]);
    assert!(rig.plane.open.lock().unwrap().is_empty());
}

#[test]
fn a_call_is_taken_once() {
    let rig = Rig::new();
    let mut leg = rig.incoming();
    command(&mut leg, Command::Adopt(Box::new(rig.body(1))));
    command(&mut leg, Command::Adopt(Box::new(rig.body(2))));
    assert_eq!(rig.ends(), [LegEndKind::Canceled]);
    assert_eq!(*rig.plane.open.lock().unwrap(), [leg_id(1)]);
}

#[test]
fn a_second_hang_up_orders_nothing() {
    let rig = Rig::new();
    let mut leg = Leg::outgoing(CallKey(1), rig.body(1), None, Story::new(None, None));
    assert_eq!(command(&mut leg, Command::HangUp).len(), 1);
    assert_eq!(command(&mut leg, Command::HangUp).len(), 0);
    assert_eq!(command(&mut leg, Command::Answer).len(), 0);
}

#[test]
fn a_digit_by_info_is_a_digit() {
    let rig = Rig::new();
    let mut leg = Leg::outgoing(CallKey(1), rig.body(1), None, Story::new(None, None));
    let event = Event::InfoDigit { key: CallKey(1), digit: '7', duration_ms: Some(160) };
    assert!(matches!(leg.event(event, Timestamp::default(), &mut Vec::new()), Fate::Lives));
    assert_eq!(*rig.facts.media.lock().unwrap(), [MediaFact::Digit { digit: '7', duration_ms: 160 }]);
}

#[test]
fn a_leg_that_is_withdrawn_while_it_is_prepared_never_becomes_a_call() {
    let table = LegTable::new(Ceiling::new(2));
    let seat = table.sit(leg_id(1)).unwrap();
    assert!(table.find(leg_id(1), false).is_some());
    assert!(table.find(leg_id(1), true).is_some());
    assert!(!seat.connect(CallKey(1)));
    drop(seat);
    assert!(table.find(leg_id(1), true).is_none());
}

#[test]
fn a_table_has_an_end_and_no_leg_twice() {
    let table = LegTable::new(Ceiling::new(2));
    let first = table.sit(leg_id(1)).unwrap();
    assert!(matches!(table.sit(leg_id(1)), Err(ports::CarrierError::Resources(_))));
    let _second = table.sit(leg_id(2)).unwrap();
    assert_eq!(table.sit(leg_id(3)).err(), Some(ports::CarrierError::Full));
    drop(first);
    assert!(table.sit(leg_id(3)).is_ok());
}
