//! Calls, timelines and idempotency keys.

use super::{MemoryStore, Row, page};
use model::call::Call;
use model::event::Event;
use model::flow::Flow;
use model::recording::Recording;
use model::timeline::TimelineEntry;
use model::{AppId, CallId, NodeId, RecordingId, Timestamp};
use ports::StoreError;
use ports::store::{
    CallCommit, CallFilter, CallFlow, CallStore, Claim, ClaimedCall, Created, DueCalls, Idempotency,
    IdempotencyStore, NewCall, Page, PageRequest, Place, Reserved, StartDue, StoredResponse,
    StoredTimelineEntry, TimelineStore, Written,
};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

fn is_open(recording: &Recording) -> bool {
    !recording.status.is_final()
}

#[async_trait::async_trait]
impl CallStore for MemoryStore {
    async fn create_call(&self, new: NewCall) -> Result<Created, StoreError> {
        tokio::task::yield_now().await;
        let mut state = self.write()?;
        if let Some((key, _)) = &new.idempotency {
            match state.reserved(key) {
                Reserved::Ours => {}
                Reserved::Replayed(first) => return Ok(Created::Replayed(first)),
                Reserved::Mismatch | Reserved::Pending => return Ok(Created::Mismatch),
            }
        }
        let app = new.call.app;
        let active = state.calls.values().filter(|row| row.call.app == app && !row.call.status.is_final());
        if active.count() >= new.concurrent_calls_max as usize {
            return Ok(Created::ConcurrencyLimit);
        }
        assert_eq!(state.once(new.idempotency), Written::New);
        self.log.add("created");
        if let Some(at) = new.due {
            state.due.insert(new.call.id, at);
        }
        state.outbox.push_back((new.call.id, 1));
        let row = Row {
            call: new.call,
            setup: new.setup,
            events: vec![new.event],
            recordings: BTreeMap::new(),
            fence: 1,
            lease: new.lease,
            released: new.due.is_some(),
        };
        assert!(state.calls.insert(row.call.id, row).is_none(), "an id was used twice");
        Ok(Created::New { fence: 1 })
    }

    async fn commit_call(&self, commit: CallCommit) -> Result<(), StoreError> {
        self.commits.acquire().await.unwrap().forget();
        let mut state = self.write()?;
        let row = state.calls.get_mut(&commit.call).ok_or(StoreError::NotFound)?;
        if row.fence != commit.fence {
            return Err(StoreError::LeaseLost);
        }
        let expected = row.events.len() as u32 + 1;
        for (at, event) in commit.events.iter().enumerate() {
            let next = expected + at as u32;
            if event.sequence != next {
                return Err(StoreError::Sequence { got: event.sequence, expected: next });
            }
        }
        if let Some(call) = commit.row {
            if call.started_at.is_some() && row.call.started_at.is_none() {
                self.log.add("started durable");
            }
            row.call = call;
        }
        row.recordings.extend(commit.recordings.into_iter().map(|recording| (recording.id, recording)));
        row.released |= commit.release;
        row.events.extend(commit.events.iter().cloned());
        for event in &commit.events {
            self.log.add(&format!("event {}", super::super::word(&event.body)));
            state.outbox.push_back((event.call, event.sequence));
        }
        let lies = self.lying.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |lies| lies.checked_sub(1));
        if lies.is_ok() { Err(StoreError::Unavailable("told to lie".into())) } else { Ok(()) }
    }

    async fn call(&self, app: AppId, call: CallId) -> Result<Option<Call>, StoreError> {
        Ok(self.read().calls.get(&call).map(|row| row.call.clone()).filter(|call| call.app == app))
    }

    async fn calls(
        &self,
        app: AppId,
        filter: &CallFilter,
        request: PageRequest,
    ) -> Result<Page<Call>, StoreError> {
        let state = self.read();
        let all = state.calls.values().map(|row| row.call.clone());
        let all = all.filter(|call| call.app == app && filter.mode.is_none_or(|mode| mode == call.mode));
        Ok(page(all.collect(), request))
    }

    async fn calls_before(
        &self,
        app: AppId,
        filter: &CallFilter,
        _place: Option<Place>,
        limit: u32,
    ) -> Result<Vec<Call>, StoreError> {
        Ok(self.calls(app, filter, PageRequest { limit, offset: 0 }).await?.items)
    }

    async fn call_flows(&self, calls: &[CallId]) -> Result<Vec<CallFlow>, StoreError> {
        let state = self.read();
        let rows = calls.iter().filter_map(|call| state.calls.get(call));
        let flow = |row: &Row| {
            Some(CallFlow { call: row.call.id, flow: row.setup.flow.clone()?, states: Vec::new() })
        };
        Ok(rows.filter_map(flow).collect())
    }

    async fn replace_flow(&self, call: CallId, flow: &Flow) -> Result<(), StoreError> {
        let mut state = self.write()?;
        state.calls.get_mut(&call).ok_or(StoreError::NotFound)?.setup.flow = Some(flow.clone());
        Ok(())
    }

    async fn next_due_call(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read().due.values().min().copied())
    }

    async fn start_due(&self, start: StartDue) -> Result<DueCalls, StoreError> {
        let mut state = self.write()?;
        let due: Vec<_> = state.due.iter().filter(|(_, at)| **at <= start.now).map(|(id, _)| *id).collect();
        let mut found = DueCalls::default();
        for id in due {
            state.due.remove(&id);
            let row = state.calls.get_mut(&id).ok_or(StoreError::NotFound)?;
            row.released = false;
            row.lease = (start.node, start.until);
            let (call, setup) = (row.call.clone(), row.setup.clone());
            let due = ClaimedCall {
                handover: None,
                call,
                setup,
                fence: 1,
                last_sequence: 1,
                recordings: Vec::new(),
            };
            found.started.push(due);
        }
        Ok(found)
    }

    async fn end_due(&self, row: &Call, event: &Event) -> Result<bool, StoreError> {
        let mut state = self.write()?;
        if state.due.remove(&row.id).is_none() {
            return Ok(false);
        }
        let known = state.calls.get_mut(&row.id).ok_or(StoreError::NotFound)?;
        known.call = row.clone();
        known.events.push(event.clone());
        self.log.add(&format!("event {}", super::super::word(&event.body)));
        state.outbox.push_back((event.call, event.sequence));
        Ok(true)
    }

    async fn events(&self, call: CallId, after: u32, limit: u32) -> Result<Vec<Event>, StoreError> {
        let events = self.row(call).events.into_iter().filter(|event| event.sequence > after);
        Ok(events.take(limit as usize).collect())
    }

    async fn claim_calls(&self, claim: Claim) -> Result<Vec<ClaimedCall>, StoreError> {
        let mut claimed = Vec::new();
        for row in self.write()?.calls.values_mut() {
            let ours = row.lease.0 == claim.node;
            let free = row.lease.1 <= claim.now || claim.regardless_of_lease;
            if row.released || ours || !free || claimed.len() >= claim.limit as usize {
                continue;
            }
            row.fence += 1;
            row.lease = (claim.node, claim.until);
            claimed.push(ClaimedCall {
                handover: None,
                call: row.call.clone(),
                setup: row.setup.clone(),
                fence: row.fence,
                last_sequence: row.events.len() as u32,
                recordings: row.recordings.values().filter(|recording| is_open(recording)).cloned().collect(),
            });
        }
        Ok(claimed)
    }

    async fn renew_leases(&self, node: NodeId, until: Timestamp) -> Result<(), StoreError> {
        for row in self.write()?.calls.values_mut().filter(|row| row.lease.0 == node) {
            row.lease.1 = until;
        }
        Ok(())
    }

    async fn recordings(&self, call: CallId) -> Result<Vec<Recording>, StoreError> {
        Ok(self.row(call).recordings.into_values().collect())
    }

    async fn recording(&self, recording: RecordingId) -> Result<Option<Recording>, StoreError> {
        let state = self.read();
        let found = state.calls.values().find_map(|row| row.recordings.get(&recording).cloned());
        Ok(found.filter(|_| !state.condemned.contains(&recording)))
    }
}

#[async_trait::async_trait]
impl TimelineStore for MemoryStore {
    async fn append_timeline(&self, entries: Vec<TimelineEntry>) -> Result<(), StoreError> {
        self.write()?.timeline.extend(entries);
        Ok(())
    }

    async fn timeline(
        &self,
        call: CallId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<StoredTimelineEntry>, StoreError> {
        let entries = self.read().timeline.clone().into_iter().filter(|entry| entry.call == call);
        let numbered = (1..).zip(entries).map(|(index, entry)| StoredTimelineEntry { index, entry });
        Ok(numbered.filter(|entry| entry.index > after).take(limit as usize).collect())
    }
}

#[async_trait::async_trait]
impl IdempotencyStore for MemoryStore {
    async fn answered(&self, idempotency: &Idempotency) -> Result<Reserved, StoreError> {
        tokio::task::yield_now().await;
        Ok(self.read().reserved(idempotency))
    }

    async fn reserve(&self, idempotency: &Idempotency) -> Result<Reserved, StoreError> {
        let mut state = self.write()?;
        let reserved = state.reserved(idempotency);
        if reserved == Reserved::Ours {
            state.keep(idempotency.clone(), None);
        }
        Ok(reserved)
    }

    async fn complete(&self, idempotency: &Idempotency, response: &StoredResponse) -> Result<(), StoreError> {
        let left = |left: u32| left.checked_sub(1);
        if self.fail_settling.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok() {
            return Err(StoreError::Busy);
        }
        self.write()?.keep(idempotency.clone(), Some(response.clone()));
        Ok(())
    }

    async fn release(&self, idempotency: &Idempotency) -> Result<(), StoreError> {
        self.write()?.idempotency.remove(&(idempotency.key, idempotency.value.clone()));
        Ok(())
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.write()?;
        let before = state.idempotency.len();
        state.idempotency.retain(|_, (key, _)| key.expires_at > now);
        Ok((before - state.idempotency.len()) as u64)
    }
}
