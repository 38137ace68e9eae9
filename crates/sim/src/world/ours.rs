//! The server's side of a call: the app's requests, the actor's orders carried out, what becomes of them. The part of the
//! engine that a simulation needs, without its store, its files and its requests.

use super::{Item, Side, World, after};
use crate::leg::{Leg, News, Speaks};
use crate::office::Actor;
use crate::sound::{Sound, voice};
use crate::world::line::Line;
use call::{Input, Machine, Output, notes};
use model::call::{Call, CallSetup, Direction, Mode};
use model::event::{Event, EventBody};
use model::flow::CallCommand;
use model::leg::{LegEnd, LegEndedBy, LegFact, LegOrder};
use model::sound::{MediaFact, MediaOrder, PromptFact, PromptOrder, PromptSource, RecordFact, RecordOrder};
use model::timeline::TimelineKind;
use model::transfer::TransferFact;
use model::{CallId, CommandId, LegId, Pii};
use serde_json::{Value, json};
use sip::{CallKey, EndedBy, Hop, IncomingCall, Order, OutgoingCall, Party as SipParty, leg_end};
use std::time::Duration;

/// The header that says which simulated call an INVITE is of.
pub(super) const CALL_HEADER: &str = "X-Simulated-Call";
/// A connected leg without any packet for so long is told to the machine.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// What a commit, a prompt and a file take where nothing is slow.
const COMMIT_MS: u64 = 2;
const PROMPT_MS: u64 = 40;
const FILE_MS: u64 = 10;
/// What the far side says to a transfer.
const DECLINED: u16 = 603;

impl World {
    /// The app's request to place a call. A repetition under the same key is answered and does nothing.
    pub(super) fn request(&mut self, call: usize) {
        let (now, app) = (self.now, self.app);
        let Some(line) = self.calls.get_mut(call) else { return };
        if line.accepting.is_some() || line.actor.is_some() {
            return self.note(call, TimelineKind::Api, "request repeated: the same call", Value::Null);
        }
        line.accepting = Some(Box::new(row(line, app, now)));
        self.keys.push((call, call as u64));
        self.accept(call);
    }

    fn accept(&mut self, call: usize) {
        let wait = COMMIT_MS + self.dice.below(u64::from(self.faults.store_slow_ms) + 1);
        self.agenda.put(after(self.now, wait), Item::Accepted { call });
    }

    /// A call reaches the server.
    pub(super) fn arrived_ours(&mut self, key: CallKey, incoming: &IncomingCall) {
        let (now, app) = (self.now, self.app);
        let Some(call) = call_header(incoming) else { return };
        let Some(line) = self.calls.get_mut(call).filter(|line| line.accepting.is_none()) else { return };
        line.our_leg =
            Some(Leg::incoming(key, Speaks::all(Side::Ours.sound(call), true), incoming.sdp.clone()));
        line.accepting = Some(Box::new(row(line, app, now)));
        self.accept(call);
    }

    /// The first event is durable: the call is run.
    pub(super) fn accepted(&mut self, call: usize) {
        let now = self.now;
        let Some(line) = self.touch(call) else { return };
        let Some(row) = line.accepting.take() else { return };
        let setup = setup(line, row.id);
        let body = EventBody::Initiated;
        let first = Event {
            call: row.id,
            app: row.app,
            sequence: 1,
            at: row.created_at,
            body: body.clone(),
            snapshot: (*row).clone(),
        };
        let checked = line.witness.event(1, &body, &row, now);
        if line.plan.direction == Direction::Inbound {
            line.our_sound = Some(Sound::new(line.seed, Some(SILENCE_LIMIT), now));
        }
        let (gone, leg) = (line.gone, row.first_leg());
        let machine = Machine::new(setup, (*row).clone(), line.seed);
        let mut actor = Actor::new(machine, crate::office::books(first));
        actor.machine.handle(Input::Start, now);
        if gone {
            line.our_sound = None;
            actor
                .local
                .push_back(Input::Leg(leg, LegFact::Ended(leg_end::of_canceled(EndedBy::Remote, None))));
        }
        line.actor = Some(actor);
        line.outbox.add(1, now);
        self.violate(call, checked);
        let (kind, summary) = match row.direction {
            Direction::Outbound => (TimelineKind::Api, "request accepted: place an outbound call"),
            Direction::Inbound => (TimelineKind::Call, "an inbound call arrived"),
        };
        let detail = json!({ "mode": row.mode, "from": row.from.expose(), "to": row.to.expose() });
        self.note(call, kind, summary, detail);
        self.agenda.put(now, Item::Webhook { call, sequence: 1 });
    }

    /// A commit has come to its end.
    pub(super) fn committed(&mut self, call: usize, attempt: u32) {
        let now = self.now;
        if self.dice.in_thousand(self.faults.store_fails_permille) {
            let wait = (50u64 << attempt.min(7)).min(5_000);
            return self.agenda.put(after(now, wait), Item::Committed { call, attempt: attempt + 1 });
        }
        let Some(line) = self.touch(call) else { return };
        let Some(actor) = &mut line.actor else { return };
        let written = actor.books.written();
        for sequence in written.clone() {
            line.outbox.add(sequence, now);
        }
        for sequence in written.filter(|_| !self.defects.forgotten_webhooks) {
            self.agenda.put(now, Item::Webhook { call, sequence });
        }
    }

    /// A webhook is tried.
    pub(super) fn webhook(&mut self, call: usize, sequence: u32) {
        let now = self.now;
        let took = !self.dice.in_thousand(self.faults.webhook_fails_permille);
        let Some(line) = self.calls.get_mut(call) else { return };
        if let Some(at) = line.outbox.attempted(sequence, took, now) {
            self.agenda.put(at, Item::Webhook { call, sequence });
        }
    }

    /// The app gives a command.
    pub(super) fn command(&mut self, call: usize, command: CallCommand) {
        let now = self.now;
        let id = CommandId::generate(self.dice.ids(), now);
        let name = command.name();
        let Some(line) = self.touch(call) else { return };
        let admitted = match &mut line.actor {
            None => Err("the call is not there yet".to_owned()),
            Some(actor) => actor.machine.admits(&command).map_err(|refused| refused.to_string()),
        };
        if admitted.is_ok()
            && let Some(actor) = &mut line.actor
        {
            line.witness.accepted(id);
            actor.machine.handle(Input::Command { id, command }, now);
        }
        let summary = match admitted {
            Ok(()) => format!("request accepted: {name}"),
            Err(why) => format!("request refused: {name}: {why}"),
        };
        self.note(call, TimelineKind::Api, &summary, json!({ "commandId": id.to_string() }));
    }

    /// Tells a call's machine something.
    pub(super) fn tell(&mut self, call: usize, input: Input) {
        let now = self.now;
        if let Some(actor) = self.touch(call).and_then(|line| line.actor.as_mut()) {
            actor.machine.handle(input, now);
        }
    }

    pub(super) fn prompt_fact(&mut self, call: usize, fact: PromptFact) {
        if let PromptFact::Ready { prompt, duration_ms } = &fact
            && let Some(line) = self.calls.get_mut(call)
        {
            line.prompts.insert(*prompt, *duration_ms);
        }
        self.tell(call, Input::Prompt(fact));
    }

    /// The server's leg says something.
    pub(super) fn our_news(&mut self, call: usize, news: News) {
        let now = self.now;
        let Some(line) = self.touch(call) else { return };
        let leg = line.row().map(Call::first_leg);
        match news {
            News::Fact(LegFact::Ended(end)) => self.our_leg_over(call, end),
            News::Fact(fact) => {
                if let Some(leg) = leg {
                    self.tell(call, Input::Leg(leg, fact));
                }
            }
            News::Connected(connection) => {
                if let Some(sound) = &mut line.our_sound {
                    sound.connect(connection, now);
                }
            }
            News::Digit(digit, duration_ms) => {
                if let Some(leg) = leg {
                    self.tell(call, Input::Media(leg, MediaFact::Digit { digit, duration_ms }));
                }
            }
            News::HoldAnswered(_) | News::TransferAnswered(_) => {}
        }
    }

    /// The leg is over: its sound is closed first, so that whoever hears of the end finds the port free.
    fn our_leg_over(&mut self, call: usize, end: LegEnd) {
        let kept = self.defects.kept_port;
        let Some(line) = self.touch(call) else { return };
        line.our_leg = None;
        let Some(leg) = line.row().map(Call::first_leg) else {
            line.gone = true;
            return;
        };
        if let Some(mut sound) = line.our_sound.take_if(|_| !kept) {
            let figures = sound.close();
            line.figures = Some(figures);
            while let Some(fact) = sound.poll() {
                self.our_sound_fact(call, leg, fact);
            }
            self.our_sound_fact(call, leg, MediaFact::Figures(figures));
        }
        self.tell(call, Input::Leg(leg, LegFact::Ended(end)));
        self.keys_after_end(call);
    }

    fn our_sound_fact(&mut self, call: usize, leg: LegId, fact: MediaFact) {
        if let Some(line) = notes::media(&fact) {
            self.note(call, line.kind, &line.summary, line.detail);
        }
        self.tell(call, Input::Media(leg, fact));
    }

    /// Brings the server's side of a call to rest.
    pub(super) fn settle_ours(&mut self, call: usize) {
        let now = self.now;
        while let Some((leg, fact)) = self.next_sound_fact(call) {
            self.our_sound_fact(call, leg, fact);
        }
        loop {
            if let Some(actor) = self.actor(call) {
                actor.collect(now);
            }
            while let Some((output, at)) = self.actor(call).and_then(Actor::next) {
                self.carry_out(call, output, at);
            }
            let Some(input) = self.actor(call).and_then(|actor| actor.local.pop_front()) else { break };
            self.tell(call, input);
        }
        let starts = self.actor(call).is_some_and(|actor| actor.books.start());
        if starts {
            let wait = COMMIT_MS + self.dice.below(u64::from(self.faults.store_slow_ms) + 1);
            self.agenda.put(after(now, wait), Item::Committed { call, attempt: 0 });
        }
    }

    fn next_sound_fact(&mut self, call: usize) -> Option<(LegId, MediaFact)> {
        let line = self.calls.get_mut(call)?;
        let leg = line.row()?.first_leg();
        Some((leg, line.our_sound.as_mut()?.poll()?))
    }

    fn actor(&mut self, call: usize) -> Option<&mut Actor> {
        self.calls.get_mut(call)?.actor.as_mut()
    }

    fn carry_out(&mut self, call: usize, output: Output, at: model::Timestamp) {
        let now = self.now;
        let Some(line) = self.calls.get_mut(call) else { return };
        let durable = line.actor.as_ref().is_some_and(|actor| actor.books.is_clean());
        let checked = line.witness.ordered(&output, durable, now);
        self.violate(call, checked);
        match output {
            Output::Leg(leg, LegOrder::Dial { ring_timeout_ms }) => self.dial(call, leg, ring_timeout_ms),
            Output::Leg(_, order) => self.order_leg(call, &order),
            Output::Media(leg, order) => self.order_sound(call, leg, order),
            Output::Prompt(PromptOrder::Prepare { prompt, source }) => {
                let (after_ms, fact) = self.prepare(prompt, &source);
                self.agenda.put(after(now, after_ms), Item::Prompt { call, fact });
            }
            // A simulated app has no address: it answers at once that there is nothing to add.
            Output::Fetch(fetch) => {
                let actor = self.calls.get_mut(call).and_then(|line| line.actor.as_mut());
                actor.into_iter().for_each(|actor| actor.local.push_back(Input::Fetched(fetch.id, Ok(None))));
            }
            Output::Record(_, order) => self.order_recording(call, &order),
            Output::Event { body, call: row } => {
                let told = notes::event(&row, &body);
                self.note(call, told.kind, &told.summary, told.detail);
                let Some(line) = self.calls.get_mut(call) else { return };
                let Some(actor) = &mut line.actor else { return };
                let sequence = actor.books.event(body.clone(), (*row).clone(), at);
                let checked = line.witness.event(sequence, &body, &row, now);
                self.violate(call, checked);
            }
            Output::Child(child, order) => self.order_child(call, child, &order),
            Output::Conference(order) => self.order_conference(call, &order),
            Output::Queue(order) => self.order_queue(call, &order),
            // No simulated call is another's child.
            Output::Parent(_) => {}
            Output::Note { kind, summary } => self.note(call, kind, &summary, Value::Null),
        }
    }

    fn dial(&mut self, call: usize, leg: LegId, ring_timeout_ms: u32) {
        let now = self.now;
        let Some(line) = self.calls.get_mut(call) else { return };
        line.witness.dialled();
        let key = CallKey(call as u64 + 1);
        let speaks = Speaks { codecs: line.plan.codecs.clone(), ..Speaks::all(Side::Ours.sound(call), true) };
        let (ours, sdp) = Leg::outgoing(key, speaks);
        line.our_leg = Some(ours);
        line.our_sound = Some(Sound::new(line.seed, Some(SILENCE_LIMIT), now));
        let order = Order::Invite { key, call: Box::new(outgoing(line, call, sdp, ring_timeout_ms)) };
        if let Err(error) = self.ours.handle_order(order, now) {
            let end = leg_end::failed(LegEndedBy::Local, &error.to_string());
            let Some(line) = self.calls.get_mut(call) else { return };
            (line.our_leg, line.our_sound) = (None, None);
            if let Some(actor) = &mut line.actor {
                actor.local.push_back(Input::Leg(leg, LegFact::Ended(end)));
            }
        }
    }

    fn order_leg(&mut self, call: usize, order: &LegOrder) {
        let (mut orders, mut news) = (Vec::new(), Vec::new());
        let deaf = self.defects.deaf_leg;
        // A leg that is over has told its end already.
        let Some(leg) = self.calls.get_mut(call).and_then(|line| line.our_leg.as_mut()) else { return };
        match order {
            LegOrder::Ring { early_media: false } => leg.ring(&mut orders),
            LegOrder::Ring { early_media: true } => {
                leg.ring_with_sound(&mut orders, &mut news);
                news.push(News::Fact(LegFact::Ringing { early_media: true }));
            }
            // No flow orders these yet.
            LegOrder::Hold | LegOrder::Resume | LegOrder::AnswerTransfer { .. } => {}
            // The far side may not take our place: what it would be told is refused.
            LegOrder::Transfer { .. } => {
                news.push(News::Fact(LegFact::Transfer(TransferFact::Failed { code: DECLINED })));
            }
            LegOrder::Answer => leg.answer(&mut orders, &mut news),
            LegOrder::Reject { refusal } => leg.reject(leg_end::rejection(*refusal), &mut orders),
            LegOrder::HangUp if deaf => {}
            LegOrder::HangUp => leg.hang_up(&mut orders),
            LegOrder::Dial { .. } => {}
        }
        self.spread(Side::Ours, call, news);
        self.give(Side::Ours, orders);
    }

    fn order_sound(&mut self, call: usize, leg: LegId, order: MediaOrder) {
        let Some(line) = self.calls.get_mut(call) else { return };
        let Some(actor) = &mut line.actor else { return };
        let Some(sound) = &mut line.our_sound else {
            actor.local.extend(without_sound(&order).map(|fact| Input::Media(leg, fact)));
            return;
        };
        match order {
            MediaOrder::Play { playback, prompts, times, gap_ms } => {
                let lengths = prompts.iter().filter_map(|prompt| line.prompts.get(prompt).copied()).collect();
                sound.play(playback, lengths, times, gap_ms);
            }
            MediaOrder::StopPlayback { playback } => sound.stop(playback),
            MediaOrder::SendDigits { id, digits } => sound.press(id, digits.expose(), false),
            MediaOrder::WatchVoice { on } => sound.watch(on),
            // Simulated sound is voice or silence, and tells nobody who speaks.
            MediaOrder::DetectMachine { .. } | MediaOrder::StopDetecting => {}
            MediaOrder::Listen(_) | MediaOrder::StopListening { .. } => {}
            // Nor does it come from another call.
            MediaOrder::Bridge { .. } | MediaOrder::Join { .. } | MediaOrder::Unbridge => {}
        }
        line.touched = true;
    }

    fn prepare(&mut self, prompt: model::sound::PromptId, source: &PromptSource) -> (u64, PromptFact) {
        let slow = self.dice.below(u64::from(self.faults.speech_slow_ms) + 1);
        let (fails, duration_ms) = match source {
            PromptSource::Speech { text, .. } => (true, voice::length_ms(text.expose())),
            PromptSource::Media { .. } => (true, voice::FILE_MS),
            PromptSource::Beep => (false, voice::BEEP_MS),
            PromptSource::RingTone { .. } | PromptSource::HoldMusic => (false, voice::FILE_MS),
        };
        let fact = if fails && self.dice.in_thousand(self.faults.speech_fails_permille) {
            PromptFact::Failed { prompt, reason: "the speech engine failed: it was told to".to_owned() }
        } else {
            PromptFact::Ready { prompt, duration_ms }
        };
        (PROMPT_MS + slow, fact)
    }

    fn order_recording(&mut self, call: usize, order: &RecordOrder) {
        let now = self.now;
        let fails = self.dice.in_thousand(self.faults.recording_fails_permille);
        let Some(line) = self.calls.get_mut(call) else { return };
        match *order {
            RecordOrder::Start { recording, .. } => {
                let fact = if line.our_sound.is_some() {
                    line.recordings.insert(recording, now);
                    RecordFact::Started { recording }
                } else {
                    RecordFact::Failed { recording, reason: "no such leg on the media plane".to_owned() }
                };
                self.queue(call, Input::Record(fact));
            }
            // Simulated recordings hold no sound; a pause is not taken off their length.
            RecordOrder::Pause { .. } | RecordOrder::Resume { .. } => {}
            RecordOrder::Stop { recording } => {
                let kept = line.recordings.remove(&recording).map(|began| now.since(began));
                let fact = match kept {
                    Some(kept) if !fails => {
                        let duration_ms = u32::try_from(kept.as_millis()).unwrap_or(u32::MAX);
                        let bytes = 44 + 16 * u64::from(duration_ms);
                        RecordFact::Finished { recording, duration_ms, bytes }
                    }
                    Some(_) => RecordFact::Failed { recording, reason: "the disk is full".to_owned() },
                    None => RecordFact::Failed { recording, reason: "No sound was kept.".to_owned() },
                };
                self.agenda.put(after(now, FILE_MS), Item::Recorded { call, fact });
            }
        }
    }

    fn queue(&mut self, call: usize, input: Input) {
        if let Some(actor) = self.actor(call) {
            actor.local.push_back(input);
        }
    }
}

/// What is told of an order to a leg that has no sound.
fn without_sound(order: &MediaOrder) -> Option<MediaFact> {
    match order {
        MediaOrder::Play { playback, .. } | MediaOrder::StopPlayback { playback } => {
            Some(MediaFact::PlaybackFinished { playback: *playback, played_ms: 0, completed: false })
        }
        MediaOrder::SendDigits { id, .. } => {
            Some(MediaFact::DigitsFailed { id: *id, reason: "no such leg on the media plane".to_owned() })
        }
        MediaOrder::Bridge { .. } | MediaOrder::Join { .. } => {
            Some(MediaFact::NotJoined { reason: "no such leg on the media plane".to_owned() })
        }
        MediaOrder::WatchVoice { .. }
        | MediaOrder::DetectMachine { .. }
        | MediaOrder::StopDetecting
        | MediaOrder::Listen(_)
        | MediaOrder::StopListening { .. }
        | MediaOrder::Unbridge => None,
    }
}

/// Which simulated call an INVITE is of.
pub(super) fn call_header(incoming: &IncomingCall) -> Option<usize> {
    let header = incoming.headers.iter().find(|header| header.0.eq_ignore_ascii_case(CALL_HEADER))?;
    header.1.trim().parse().ok()
}

fn outgoing(line: &Line, call: usize, sdp: Vec<u8>, ring_timeout_ms: u32) -> OutgoingCall {
    OutgoingCall {
        to_uri: format!("sip:{}@{}", line.plan.persona, Side::Theirs.sip()),
        from: SipParty {
            display: None,
            user: line.plan.app.clone(),
            host: Side::Ours.sip().ip().to_string(),
        },
        destination: Hop::udp(Side::Theirs.sip()),
        sdp,
        credentials: Some(super::theirs::credentials()),
        replaces: None,
        route: Vec::new(),
        session_timers: None,
        extra_headers: vec![(CALL_HEADER.to_owned(), call.to_string())],
        ring_timeout: Duration::from_millis(ring_timeout_ms.into()),
        large_over_tcp: false,
    }
}

fn row(line: &Line, app: model::AppId, now: model::Timestamp) -> Call {
    let (ours, theirs) = (Pii::new(line.plan.app.clone()), Pii::new(line.plan.persona.clone()));
    let (from, to) = match line.plan.direction {
        Direction::Outbound => (ours, theirs),
        Direction::Inbound => (theirs, ours),
    };
    let id = CallId::generate(&mut model::IdSource::new(line.seed), now);
    Call::new(id, app, Mode::Test, line.plan.direction, from, to, now)
}

fn setup(line: &Line, id: CallId) -> CallSetup {
    let Line { plan, seed, .. } = line;
    // Steps get ids of their own, the same for the same seed.
    let mut ids = model::IdSource::new(seed.rotate_left(17));
    let flow = plan.flow.clone().map(|mut flow| {
        for step in &mut flow.steps {
            step.id = CommandId::generate(&mut ids, super::BEGIN);
        }
        flow
    });
    CallSetup {
        flow,
        variables: plan.variables.clone(),
        record: None,
        ring_timeout_ms: plan.ring_timeout_ms,
        max_duration_ms: plan.max_duration_ms,
        decision_timeout_ms: plan.decision_timeout_ms,
        ..CallSetup::new(id, plan.direction)
    }
}
