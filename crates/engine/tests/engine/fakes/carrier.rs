//! A carrier that does nothing by itself: the test says what happens to its legs.

use super::Log;
use model::endpoint::PhoneEndpoint;
use model::leg::{LegEnd, LegEndKind, LegEndedBy, LegFact, LegOrder, Refusal, ReleaseCause};
use model::sound::MediaFact;
use model::trunk::Trunk;
use model::{CallId, LegId};
use ports::carrier::IncomingRef;
use ports::{Carrier, CarrierError, Dial, LegSink, PersonaCall, Route, Sandbox};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct FakeCarrier {
    name: &'static str,
    log: Log,
    sinks: Mutex<BTreeMap<LegId, Arc<dyn LegSink>>>,
    pub(crate) routes: Mutex<Vec<Route>>,
    /// Calls that personas were ordered to place.
    pub(crate) ordered: Mutex<Vec<PersonaCall>>,
    /// The next dials fail like this.
    pub(crate) dial_error: Mutex<Option<CarrierError>>,
    pub(crate) trunks: Mutex<Vec<Arc<Trunk>>>,
    pub(crate) phones: Mutex<Vec<Arc<PhoneEndpoint>>>,
    /// How long taking a dialling takes.
    pub(crate) pace: Mutex<Duration>,
    /// How long a leg waits for its place in time before that.
    pub(crate) queue: Mutex<Duration>,
}

impl FakeCarrier {
    pub(crate) fn new(name: &'static str, log: Log) -> Self {
        Self {
            name,
            log,
            sinks: Mutex::default(),
            routes: Mutex::default(),
            ordered: Mutex::default(),
            dial_error: Mutex::default(),
            trunks: Mutex::default(),
            phones: Mutex::default(),
            pace: Mutex::default(),
            queue: Mutex::default(),
        }
    }

    fn sink(&self, call: CallId) -> Arc<dyn LegSink> {
        self.sinks.lock().unwrap().get(&LegId::new(call, 0)).cloned().expect("the leg was dialled or adopted")
    }

    /// Something happened to the call's first leg.
    pub(crate) fn leg(&self, call: CallId, fact: LegFact) {
        self.sink(call).leg(LegId::new(call, 0), fact);
    }

    /// Something happened to its sound.
    pub(crate) fn media(&self, call: CallId, fact: MediaFact) {
        self.sink(call).media(LegId::new(call, 0), fact);
    }

    /// The far side hangs up.
    pub(crate) fn hang_up(&self, call: CallId) {
        self.leg(call, ended(LegEndKind::HungUp, LegEndedBy::Remote));
    }

    /// The leg is over because we ordered so.
    pub(crate) fn confirm_hangup(&self, call: CallId) {
        self.leg(call, ended(LegEndKind::HungUp, LegEndedBy::Local));
    }
}

pub(crate) fn ended(kind: LegEndKind, by: LegEndedBy) -> LegFact {
    LegFact::Ended(LegEnd { kind, by, cause: ReleaseCause::local("test") })
}

#[async_trait::async_trait]
impl Carrier for FakeCarrier {
    async fn pace(&self, _route: &Route) -> Result<(), CarrierError> {
        let queue = *self.queue.lock().unwrap();
        self.log.add(&format!("{} queue", self.name));
        tokio::time::sleep(queue).await;
        Ok(())
    }

    async fn dial(&self, dial: Dial) -> Result<(), CarrierError> {
        self.log.add(&format!("{} dial", self.name));
        let pace = *self.pace.lock().unwrap();
        tokio::time::sleep(pace).await;
        self.routes.lock().unwrap().push(dial.route);
        if let Some(error) = self.dial_error.lock().unwrap().clone() {
            return Err(error);
        }
        self.sinks.lock().unwrap().insert(dial.leg, dial.sink);
        self.log.add(&format!("{} dialled", self.name));
        Ok(())
    }

    fn order(&self, leg: LegId, order: LegOrder) -> Result<(), CarrierError> {
        if !self.sinks.lock().unwrap().contains_key(&leg) {
            return Err(CarrierError::UnknownLeg);
        }
        self.log.add(&format!("{} {order:?}", self.name));
        Ok(())
    }

    fn adopt(&self, incoming: IncomingRef, leg: LegId, sink: Arc<dyn LegSink>) -> Result<(), CarrierError> {
        if incoming.0 == 0 {
            return Err(CarrierError::UnknownLeg);
        }
        self.sinks.lock().unwrap().insert(leg, sink);
        self.log.add(&format!("{} adopted", self.name));
        Ok(())
    }

    fn refuse(&self, _incoming: IncomingRef, refusal: Refusal) {
        self.log.add(&format!("{} refused {refusal:?}", self.name));
    }

    async fn admit_phones(&self, phones: Vec<Arc<PhoneEndpoint>>) {
        *self.phones.lock().unwrap() = phones;
    }

    async fn configure(&self, trunks: Vec<Arc<Trunk>>) {
        *self.trunks.lock().unwrap() = trunks;
        self.log.add(&format!("{} configured", self.name));
    }
}

#[async_trait::async_trait]
impl Sandbox for FakeCarrier {
    async fn call_from_persona(&self, call: PersonaCall) -> Result<(), CarrierError> {
        if let Some(error) = self.dial_error.lock().unwrap().clone() {
            return Err(error);
        }
        self.ordered.lock().unwrap().push(call);
        self.log.add(&format!("{} persona ordered", self.name));
        Ok(())
    }
}
