//! Routes what happens to the small machines of a call, and what one of them says to the others. Each of them is a
//! file; what leaves the machine is `Output`.

mod admission;
mod amd;
mod audio;
mod children;
mod commands;
mod desk;
mod flow;
mod hangup;
mod legs;
mod parent;
mod prompts;
mod recording;
mod stage;
mod steps;
mod timers;

use crate::{Input, Output, Refused};
use amd::Amd;
use audio::SoundNews;
use commands::{Asked, Commands};
use desk::Desk;
use flow::{Flow, Wish};
use hangup::Intent;
use legs::{Leg, LegNews, LegState};
use model::CallId;
use model::call::{Call, CallEnd, CallSetup, CallStatus, Direction, FirstDigits};
use model::child::{ChildFact, ParentFact};
use model::event::{CommandOutcome, EventBody};
use model::flow::CallCommand;
use model::leg::{LegEnd, LegFact};
use model::recording::{RecordStart, Recording, RecordingEnd};
use model::sound::{DigitsId, MediaFact, PromptId, RecordFact};
use model::timeline::TimelineKind;
use model::{CommandId, Pii, Timestamp};
use parent::Parent;
use recording::RecordNews;
use serde::{Deserialize, Serialize};
use stage::Stage;
use std::time::Duration;
use steps::StepEvent;
use timers::Timer;

/// After so long nobody wants the phone to ring any more for a call that a dead node had accepted.
pub const RECOVERED_DIAL_AGE_MAX: Duration = Duration::from_secs(120);

/// The brain of one call.
///
/// Whoever owns it calls [`handle`](Self::handle) for each thing that happens, or
/// [`handle_timeout`](Self::handle_timeout) when [`deadline`](Self::deadline) has come, and then
/// [`poll`](Self::poll)s until nothing is left. Outputs are carried out in order. Once
/// [`is_done`](Self::is_done) and polled empty, it can be dropped.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    stage: Stage,
    leg: Leg,
    flow: Flow,
    commands: Commands,
    #[serde(default)]
    amd: Amd,
    /// The call that made this one.
    #[serde(default)]
    parent: Parent,
    /// Why we are ending the call, once we are.
    ending: Option<Intent>,
}

/// Everything a machine knows, to be kept and restored. Opaque: only its serialised form matters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot(Machine);

impl Machine {
    /// A call whose event 1 is durable. `call` is the row after that event; `seed` makes the ids of recordings and
    /// must differ from call to call. Nothing happens before [`Input::Start`].
    pub fn new(mut setup: CallSetup, call: Call, seed: u64) -> Self {
        let flow = Flow::new(setup.flow.take());
        let stage = Stage::new(Desk::new(setup, call, seed));
        let (leg, commands, amd) = Default::default();
        Self { stage, leg, flow, commands, amd, parent: Parent::default(), ending: None }
    }

    /// A call that was found after its node died, with those of its recordings that are not final. One that was
    /// never dialled and is at most [`RECOVERED_DIAL_AGE_MAX`] old is started now; any other ends as lost ([`model::call::EndReason::NodeLost`]) without any
    /// order, for its leg is gone. One that had ended already only waits for its recordings, whose
    /// [`RecordFact`]s are still expected. [`Input::Start`] is not needed, and ignored.
    pub fn recover(
        setup: CallSetup,
        call: Call,
        recordings: Vec<Recording>,
        seed: u64,
        now: Timestamp,
    ) -> Self {
        let mut machine = Self::new(setup, call, seed);
        machine.stage.desk.advance(now);
        machine.stage.recordings.adopt(recordings, &mut machine.stage.desk);
        let Call { direction, status, started_at, created_at, scheduled_for, parent, .. } = machine.call();
        let never_dialled =
            *direction == Direction::Outbound && *status == CallStatus::Initiated && started_at.is_none();
        let wanted_at = scheduled_for.unwrap_or(*created_at);
        // Whoever wanted a child is gone with its node.
        let still_wanted = parent.is_none() && now.since(wanted_at) <= RECOVERED_DIAL_AGE_MAX;
        if status.is_final() {
            machine.leg.close(&mut machine.stage.desk);
        } else if never_dialled && still_wanted {
            machine.start();
        } else {
            machine.conclude(hangup::lost(machine.call()));
        }
        machine
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input, now: Timestamp) {
        self.stage.desk.advance(now);
        if let Input::Record(fact) = input {
            return self.on_record(fact);
        }
        if self.leg.state() == LegState::Over {
            return;
        }
        let first_leg = self.call().first_leg();
        match input {
            Input::Start => self.start(),
            Input::Command { id, command } => self.on_command(id, command),
            Input::Leg(leg, fact) if leg == first_leg => self.on_leg(fact),
            Input::Media(leg, fact) if leg == first_leg => self.on_media(&fact),
            Input::Prompt(fact) => {
                if self.stage.prompts.on_fact(fact) {
                    self.commands.on_prompt(&mut self.stage);
                    self.tell_step(&StepEvent::Prompt);
                }
            }
            Input::Speech(fact) => self.tell_step(&StepEvent::Speech(fact)),
            Input::Child(child, fact) => self.on_child(child, fact),
            Input::Parent(fact) => self.on_parent(fact),
            Input::Conference(attendance, fact) => self.tell_step(&StepEvent::Conference(attendance, fact)),
            Input::Queue(attendance, fact) => self.tell_step(&StepEvent::Queue(attendance, fact)),
            Input::Fetched(id, result) => self.tell_step(&StepEvent::Fetched(id, result)),
            Input::Shutdown => self.end(Intent::Shutdown),
            Input::Leg(..) | Input::Media(..) | Input::Record(_) => {}
        }
    }

    /// The deadline has come. Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.stage.desk.advance(now);
        while let Some(timer) = self.stage.desk.timers.pop_due(self.stage.desk.now) {
            self.on_timer(timer);
        }
    }

    /// What is to be done next, in order. None: nothing until the next input or deadline.
    pub fn poll(&mut self) -> Option<Output> {
        self.stage.desk.poll()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.stage.desk.timers.next()
    }

    /// The call has ended and all its recordings are final. What was not polled yet is still to be carried out.
    pub fn is_done(&self) -> bool {
        self.call().status.is_final() && self.stage.recordings.are_final()
    }

    /// The row as it is now. Before a `Dial` is carried out, this row (its `started_at` is set) is made durable.
    pub fn call(&self) -> &Call {
        &self.stage.desk.call
    }

    /// The recordings that are not final yet, as their rows are now, oldest first.
    pub fn recordings(&self) -> impl Iterator<Item = &Recording> {
        self.stage.recordings.rows()
    }

    /// Whether the prompt may still be played; one that was ordered and is not wanted can be let go of.
    pub fn wants(&self, prompt: PromptId) -> bool {
        self.stage.prompts.wants(prompt)
    }

    /// Whether the call's state allows the command now. Asked right before the command is handled; one that is
    /// handled all the same completes as failed.
    pub fn admits(&self, command: &CallCommand) -> Result<(), Refused> {
        admission::check(self, command)
    }

    /// Everything the machine knows, outputs that were not polled yet included.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.clone())
    }

    /// A machine that goes on where the snapshot was taken. Deadlines that passed meanwhile are due at once. Prompts
    /// that were ready then are taken to be ready still.
    pub fn restore(snapshot: Snapshot, now: Timestamp) -> Self {
        let Snapshot(mut machine) = snapshot;
        machine.stage.desk.advance(now);
        machine
    }

    fn start(&mut self) {
        if self.leg.state() != LegState::Idle || self.ending.is_some() {
            return;
        }
        let by_flow = self.flow.begins_before_answer() && self.call().direction == Direction::Inbound;
        self.leg.start(by_flow, &mut self.stage.desk);
        self.flow.prepare(&mut self.stage);
        if by_flow {
            let wish = self.flow.advance(&mut self.stage);
            self.grant(wish);
        }
    }

    /// Does what the flow wishes.
    fn grant(&mut self, wish: Option<Wish>) {
        match wish {
            None => {}
            // A call that another one waits for is ready for it then.
            Some(Wish::End(Intent::Flow)) if self.call().parent.is_some() => {
                parent::ready(&mut self.stage.desk)
            }
            Some(Wish::End(intent)) => self.end(intent),
            Some(Wish::Answer) => self.leg.answer(&mut self.stage.desk),
            Some(Wish::Ring { early_media }) => self.leg.ring(early_media, &mut self.stage.desk),
        }
    }

    fn on_command(&mut self, id: CommandId, command: CallCommand) {
        if let Err(refused) = self.admits(&command) {
            let outcome = CommandOutcome::Failed { reason: refused.to_string() };
            return self.stage.desk.complete(id, command.name(), outcome);
        }
        let name = command.name();
        match self.commands.take(id, command, &mut self.leg, &mut self.stage) {
            Asked::Nothing => {}
            Asked::End(intent) => self.end(intent),
            Asked::Step(command) => {
                let wish = self.flow.interject(id, name, &command, &mut self.stage);
                self.grant(wish);
            }
            Asked::LeaveConference => self.tell_step(&StepEvent::Leave),
            Asked::Replace(plan) => self.replace_flow(id, name, plan),
            Asked::Sounded(news) => self.tell_sound(news),
        }
    }

    /// The new flow begins at once, unless the call must be answered first.
    fn replace_flow(&mut self, id: CommandId, name: &'static str, plan: model::flow::Flow) {
        self.flow.replace(plan, &mut self.stage);
        self.stage.desk.complete(id, name, CommandOutcome::Completed);
        let wish = match self.leg.state() {
            LegState::Connected => self.flow.advance(&mut self.stage),
            LegState::Offered if self.flow.begins_before_answer() => self.flow.advance(&mut self.stage),
            LegState::Offered => Some(Wish::Answer),
            LegState::Idle | LegState::Dialing | LegState::Answering | LegState::Over => None,
        };
        self.grant(wish);
    }

    fn on_leg(&mut self, fact: LegFact) {
        let early_media = matches!(fact, LegFact::Ringing { early_media: true });
        match self.leg.on_fact(fact, self.ending.is_some(), &mut self.stage.desk) {
            LegNews::None
                if early_media && self.leg.state() == LegState::Dialing && self.ending.is_none() =>
            {
                self.stage.record_call(RecordStart::Ringing);
            }
            LegNews::None => {}
            LegNews::Answered => self.on_answered(),
            LegNews::Transfer(fact) => self.tell_step(&StepEvent::Transfer(fact)),
            LegNews::Rung => self.tell_step(&StepEvent::Rung),
            LegNews::Ended(end) => self.finish(Some(end)),
        }
    }

    fn on_answered(&mut self) {
        self.stage.record_call(RecordStart::Answer);
        self.amd.start(&mut self.stage.desk);
        self.commands.on_answered(&mut self.stage);
        self.send_first_digits();
        if self.flow.is_given() {
            parent::tell(ChildFact::Answered, &mut self.stage.desk);
        } else {
            parent::ready(&mut self.stage.desk);
        }
        let wish = self.flow.on_answered(&mut self.stage);
        self.grant(wish);
    }

    /// The keys that the call was made with go out before anything else is heard of us.
    fn send_first_digits(&mut self) {
        if let Some(FirstDigits { id, digits }) = self.stage.desk.setup.first_digits.take() {
            self.on_command(id, CallCommand::SendDigits { digits });
        }
    }

    fn on_media(&mut self, fact: &MediaFact) {
        match fact {
            &MediaFact::Digit { digit, duration_ms } => self.on_digit(digit, duration_ms),
            &MediaFact::PlaybackFinished { playback, completed, .. } => {
                self.commands.on_playback_finished(playback, &mut self.stage);
                let desk = &mut self.stage.desk;
                if let Some(news) = self.stage.audio.on_finished(playback, completed, desk) {
                    self.tell_sound(news);
                }
            }
            MediaFact::DigitsSent { id } => self.on_digits(*id, Ok(())),
            MediaFact::DigitsFailed { id, reason } => self.on_digits(*id, Err(reason.clone())),
            MediaFact::VoiceStarted => self.tell_step(&StepEvent::Voice { speaking: true }),
            MediaFact::VoiceStopped => self.tell_step(&StepEvent::Voice { speaking: false }),
            MediaFact::Amd(news) => self.amd.on_news(news, &mut self.stage.desk),
            MediaFact::NotJoined { reason } => self.tell_step(&StepEvent::NotJoined(reason.clone())),
            MediaFact::TimedOut { .. } if self.stage.is_answered() => self.end(Intent::MediaTimeout),
            MediaFact::TimedOut { .. }
            | MediaFact::FirstSound
            | MediaFact::OneWay { .. }
            | MediaFact::BothWays
            | MediaFact::Silent { .. }
            | MediaFact::SilenceEnded
            | MediaFact::Figures(_) => {}
        }
    }

    fn on_digit(&mut self, digit: char, duration_ms: u32) {
        if !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D') {
            return;
        }
        self.stage.desk.emit(EventBody::DigitReceived { digit: Pii::new(digit), duration_ms });
        self.tell_step(&StepEvent::Digit(digit));
    }

    fn on_digits(&mut self, id: DigitsId, result: Result<(), String>) {
        self.commands.on_digits(id, &result, &mut self.stage);
        self.tell_step(&StepEvent::Digits(id, result));
    }

    fn on_record(&mut self, fact: RecordFact) {
        let news = self.stage.recordings.on_fact(fact, &mut self.stage.desk);
        self.tell_recording(news);
    }

    fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Ringing => self.end(Intent::RingTimeout),
            Timer::Decision => self.end(Intent::Undecided),
            Timer::Answering => self.end(Intent::Unconfirmed),
            Timer::MaxDuration => self.end(Intent::MaxDuration),
            Timer::LegEnd => self.finish(None),
            Timer::Playback => {
                let news = self.stage.audio.on_timeout(&mut self.stage.desk);
                self.tell_sound(news);
            }
            Timer::Greeting => self.amd.on_timeout(&mut self.stage.desk),
            Timer::LivePrompt(id) => self.commands.on_prompt_late(id, &mut self.stage),
            Timer::RecordingLength(id) => {
                self.stage.stop_recording(id, RecordingEnd::LengthMax);
            }
            Timer::RecordingFile(id) => {
                let news = self.stage.recordings.on_timeout(id, &mut self.stage.desk);
                self.tell_recording(news);
            }
            Timer::StepPrompt
            | Timer::Fetch
            | Timer::Keys
            | Timer::Speech
            | Timer::Pause
            | Timer::Silence
            | Timer::Length
            | Timer::Queue
            | Timer::Transfer => {
                self.tell_step(&StepEvent::Timer(timer));
            }
        }
    }

    fn on_child(&mut self, child: CallId, fact: ChildFact) {
        if self.stage.children.on_fact(child, &fact) {
            self.tell_step(&StepEvent::Child(child, fact));
        }
    }

    fn on_parent(&mut self, fact: ParentFact) {
        if self.parent.on_fact(fact, &mut self.stage.desk) {
            self.end(Intent::Parent);
        }
    }

    fn tell_sound(&mut self, news: SoundNews) {
        if let Some((command, end)) = news.live {
            self.commands.on_sound_over(command, end, &mut self.stage);
        }
        if let Some(end) = news.step {
            self.tell_step(&StepEvent::SoundOver(end));
        }
    }

    fn tell_recording(&mut self, news: Option<RecordNews>) {
        let Some(news) = news else { return };
        self.commands.on_recording(&news, &mut self.stage);
        if let RecordNews::Over(recording, result) = news {
            self.tell_step(&StepEvent::RecordingOver(recording, result));
        }
    }

    fn tell_step(&mut self, event: &StepEvent) {
        let wish = self.flow.on_event(event, &mut self.stage);
        self.grant(wish);
    }

    /// Ends the call in order: the rest follows when the leg is over.
    fn end(&mut self, intent: Intent) {
        if self.ending.is_some() || self.leg.state() == LegState::Over {
            return;
        }
        self.ending = Some(intent);
        self.stage.desk.note(TimelineKind::Call, intent.phrase());
        self.quiet();
        self.stage.desk.timers.keep_recordings();
        if self.leg.state() == LegState::Idle {
            return self.finish(None);
        }
        let offered = self.leg.state() == LegState::Offered;
        self.stage.desk.order_leg(intent.order(offered));
        self.stage.desk.set_timer(Timer::LegEnd, hangup::LEG_END_MS);
    }

    /// The leg is over, or did not say so in time.
    fn finish(&mut self, leg_end: Option<LegEnd>) {
        self.quiet();
        self.commands.close(&mut self.stage);
        self.conclude(hangup::verdict(self.call(), self.ending, leg_end));
    }

    /// Stops everything that runs on the call.
    fn quiet(&mut self) {
        self.stage.recordings.stop_all(RecordingEnd::CallEnded, &mut self.stage.desk);
        self.flow.stop(&mut self.stage);
        self.amd.stop(&mut self.stage.desk);
        self.commands.cancel(&mut self.stage);
        self.stage.audio.silence(&mut self.stage.desk);
        self.stage.children.end_all(&mut self.stage.desk);
    }

    /// The last event.
    fn conclude(&mut self, (status, end): (CallStatus, CallEnd)) {
        let desk = &mut self.stage.desk;
        self.leg.close(desk);
        desk.timers.keep_recordings();
        if desk.call.answered_at.is_some() {
            self.parent.part(desk);
            desk.emit(EventBody::left(desk.call.first_leg()));
        }
        desk.call.status = status;
        desk.call.ended_at = Some(desk.now);
        desk.call.end = Some(end.clone());
        desk.emit(EventBody::Ended(end.clone()));
        parent::tell(ChildFact::Ended(end), desk);
    }
}
