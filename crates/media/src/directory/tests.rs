//! What the directory and its lanes do when workers take no orders: nothing is left half done.

use super::*;
use crate::leg::listener::Listeners;
use crate::pool::Pool;
use crate::prompts::PromptCache;
use crate::spool::Spools;
use crate::worker::Time;
use crate::worker::order::{Inbox, WorkerDoor};
use model::id::IdSource;
use model::sound::{MediaFact, RecordSource};
use model::{CallId, Timestamp};
use ports::media::PlaneOrder;
use ports::{Clock, LegSink};
use std::time::Duration;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }
}

struct Deaf;

impl LegSink for Deaf {
    fn leg(&self, _leg: LegId, _fact: model::leg::LegFact) {}
    fn media(&self, _leg: LegId, _fact: MediaFact) {}
}

/// Two workers that carry nothing out, each with a leg; the second takes one order.
struct Bench {
    directory: Directory,
    tools: Arc<Tools>,
    inboxes: Vec<Inbox>,
    here: LegId,
    there: LegId,
}

impl Bench {
    fn new() -> Self {
        let (doors, inboxes): (Vec<_>, Vec<_>) = [64, 1]
            .into_iter()
            .map(|orders_max| WorkerDoor::new(orders_max, Time::starting_at(Timestamp::default())).unwrap())
            .unzip();
        let tools = Arc::new(Tools {
            doors: doors.into(),
            prompts: PromptCache::new(1_000),
            spools: Spools::start(8).unwrap(),
            listeners: Listeners::new(1),
            pool: Pool::start(1, 8).unwrap(),
            clock: Arc::new(Fixed),
        });
        let call = CallId::generate(&mut IdSource::new(1), Fixed.now());
        let (here, there) = (LegId::new(call, 0), LegId::new(call, 1));
        let directory = Directory::default();
        for (worker, leg) in [here, there].into_iter().enumerate() {
            assert!(directory.enter(Arc::new(Lane::new(leg, worker, Arc::new(Deaf)))));
        }
        Self { directory, tools, inboxes, here, there }
    }

    /// Leaves the second worker no room.
    fn fill(&self) {
        while self.echo().is_ok() {}
    }

    fn echo(&self) -> Result<(), MediaError> {
        self.directory.find(self.there)?.order(PlaneOrder::Echo { on: true }, &self.tools)
    }

    fn bridge(&self) -> Result<(), MediaError> {
        self.directory.bridge(self.here, self.there, &self.tools)
    }

    fn join(&self, leg: LegId, id: u128) -> Result<(), MediaError> {
        self.directory.join(leg, ConferenceId(id), (false, false), &self.tools)
    }

    /// What a worker was told so far.
    fn told(&self, worker: usize) -> Vec<String> {
        self.inboxes[worker].orders.try_iter().map(|order| said(&order)).collect()
    }
}

fn said(order: &WorkerOrder) -> String {
    match order {
        WorkerOrder::Leg(_, LegOrder::Relay(to)) => format!("relay {}", to.is_some()),
        WorkerOrder::Leg(_, LegOrder::Echo(_)) => "echo".to_owned(),
        WorkerOrder::Room(_, RoomOrder::Join(_)) => "join".to_owned(),
        WorkerOrder::Room(_, RoomOrder::Leave(_)) => "leave".to_owned(),
        _ => "other".to_owned(),
    }
}

#[test]
fn a_bridge_that_one_side_cannot_take_is_taken_back() {
    let bench = Bench::new();
    bench.fill();
    assert_eq!(bench.bridge(), Err(MediaError::Busy));
    assert_eq!(bench.told(0), ["relay true", "relay false"]);
    assert!(bench.directory.lock().bridges.is_empty());
    assert_eq!(bench.told(1), ["echo"]);
    assert_eq!(bench.bridge(), Ok(()));
    assert_eq!(bench.directory.lock().bridges.len(), 2);
}

#[test]
fn the_end_of_a_bridge_reaches_a_busy_worker_and_stays_before_what_follows() {
    let bench = Bench::new();
    assert_eq!(bench.bridge(), Ok(()));
    // The second worker's only place is taken by the bridge.
    assert_eq!(bench.directory.unbridge(bench.here, &bench.tools), Ok(()));
    assert!(bench.directory.lock().bridges.is_empty());
    assert_eq!(bench.echo(), Ok(()), "it waits behind the end of the bridge");
    let orders = &bench.inboxes[1].orders;
    let told: Vec<String> =
        (0..3).map(|_| said(&orders.recv_timeout(Duration::from_secs(10)).unwrap())).collect();
    assert_eq!(told, ["relay true", "relay false", "echo"]);
    assert_eq!(bench.told(0), ["relay true", "relay false"]);
}

#[test]
fn a_conference_that_cannot_be_joined_is_not_entered() {
    let bench = Bench::new();
    assert_eq!(bench.join(bench.there, 5), Err(MediaError::Busy), "there is room for one order of two");
    assert!(bench.directory.lock().members.is_empty() && bench.directory.lock().conferences.is_empty());
    assert_eq!(bench.join(bench.here, 5), Ok(()));
    assert_eq!(bench.told(0), ["relay true", "join"]);
}

#[test]
fn a_full_conference_parts_nobody_and_lets_its_members_join_again() {
    let bench = Bench::new();
    assert_eq!(bench.join(bench.here, 5), Ok(()));
    if let Some(conference) = bench.directory.lock().conferences.get_mut(&ConferenceId(5)) {
        conference.members = CONFERENCE_MEMBERS_MAX;
    }
    assert_eq!(bench.join(bench.here, 5), Ok(()), "a member");
    assert_eq!(bench.join(bench.here, 6), Ok(()), "another conference");
    if let Some(conference) = bench.directory.lock().conferences.get_mut(&ConferenceId(5)) {
        conference.members = CONFERENCE_MEMBERS_MAX;
    }
    bench.told(0);
    assert_eq!(bench.join(bench.here, 5), Err(MediaError::ConferenceFull));
    assert_eq!(bench.told(0), [""; 0]);
    assert!(bench.directory.membership(bench.here).is_ok_and(|(_, id, _)| id == ConferenceId(6)));
}

#[test]
fn an_order_that_is_refused_leaves_no_trace() {
    let bench = Bench::new();
    let lane = bench.directory.find(bench.there).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("a.spool");
    bench.fill();
    // More often than a leg may have recordings.
    for number in 0..6 {
        let recording = RecordingId::generate(&mut IdSource::new(number), Fixed.now());
        let order =
            PlaneOrder::StartRecording { recording, source: RecordSource::Received, spool: spool.clone() };
        assert_eq!(lane.order(order, &bench.tools), Err(MediaError::Busy));
    }
    // The writer takes its messages in order: when the last spool is closed, all before it is done.
    let marker = folder.path().join("b.spool");
    let recording = RecordingId::generate(&mut IdSource::new(9), Fixed.now());
    let begun = bench.tools.spools.begin(recording, RecordSource::Received, marker.clone(), Fixed.now());
    drop(begun.unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(bench.tools.spools.closed(&marker)).unwrap();
    assert!(!spool.exists() && marker.exists());
    assert_eq!(bench.told(1), ["echo"]);
    let order = PlaneOrder::StartRecording { recording, source: RecordSource::Received, spool };
    assert_eq!(lane.order(order, &bench.tools), Ok(()));
}
