//! Drives one persona in one call: facts of its leg go in, what it does becomes orders to the leg and its sound.
//! Decides nothing; the persona does.

use super::gate::Gate;
use super::heard::Ear;
use super::voice::{Voice, of_length, tone};
use crate::leg::Command;
use crate::leg::exchange::Exchange;
use crate::leg::transfer::{Asker, Target, Transfer};
use model::LegId;
use model::leg::{LegFact, LegOrder, LegSide};
use model::sound::{DigitsId, MediaFact, PlaybackId};
use model::transfer::TransferReply;
use persona::{Persona, PersonaInput, PersonaOutput, PersonaRefusal, entry_of_number};
use ports::media::{Clip, PlaneOrder};
use ports::{Clock, LegSink, MediaPlane, Utterance};
use sip::message::uri::escape_user;
use sip::{Q850, Rejection};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Facts that may wait; more are dropped.
const FACTS_MAX: usize = 64;
/// How long to sleep when the persona waits for nothing.
const IDLE: Duration = Duration::from_secs(3_600);

/// What reaches a persona's task.
pub(super) enum Fact {
    Leg(LegFact),
    Media(MediaFact),
    /// What is to be said is ready.
    Clip(PlaybackId, Arc<Clip>),
    /// The other side agrees to be transferred, or does not.
    TransferAnswered(bool),
}

/// Takes the facts of a persona's leg.
pub(super) struct HostSink(mpsc::Sender<Fact>);

impl LegSink for HostSink {
    fn leg(&self, _leg: LegId, fact: LegFact) {
        // The end is also told by the queue itself, whose last sender goes with the leg.
        let _ = self.0.try_send(Fact::Leg(fact));
    }

    fn media(&self, _leg: LegId, fact: MediaFact) {
        if !matches!(fact, MediaFact::Figures(_) | MediaFact::FirstSound) {
            let _ = self.0.try_send(Fact::Media(fact));
        }
    }
}

/// What a persona needs of the world.
#[derive(Clone)]
pub(super) struct World {
    pub(super) media: Arc<dyn MediaPlane>,
    pub(super) voice: Arc<Voice>,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Arc<dyn Clock>,
}

/// A queue for a leg's facts: where they go, and where they come out.
pub(super) fn facts() -> (Arc<HostSink>, mpsc::Receiver<Fact>) {
    let (sender, facts) = mpsc::channel(FACTS_MAX);
    (Arc::new(HostSink(sender)), facts)
}

/// A persona in a call.
pub(super) struct Host {
    pub(super) world: World,
    pub(super) exchange: Weak<Exchange>,
    pub(super) leg: LegId,
    pub(super) persona: Persona,
    /// For sounds that are made meanwhile; holds the queue open no longer than the leg does.
    pub(super) sender: mpsc::WeakSender<Fact>,
    /// Keeps what the persona hears.
    ear: Option<Ear>,
    playback: PlaybackId,
    digits: DigitsId,
}

impl Host {
    pub(super) fn new(
        world: World,
        exchange: Weak<Exchange>,
        leg: LegId,
        persona: Persona,
        ear: Option<Ear>,
        sink: &HostSink,
    ) -> Self {
        let sender = sink.0.downgrade();
        Self { world, exchange, leg, persona, sender, ear, playback: PlaybackId(0), digits: DigitsId(0) }
    }

    /// Plays the persona until its leg is over.
    pub(super) async fn run(mut self, first: Option<PersonaInput>, mut facts: mpsc::Receiver<Fact>) {
        for line in self.persona.lines() {
            let (voice, utterance) = (Arc::clone(&self.world.voice), self.utterance(line));
            tokio::spawn(async move { voice.clip(utterance).await });
        }
        if let Some(first) = first {
            self.tell(first);
        }
        loop {
            let now = self.world.clock.now();
            let sleep = self.persona.deadline().map_or(IDLE, |deadline| deadline.since(now).min(IDLE));
            tokio::select! {
                fact = facts.recv() => match fact {
                    None | Some(Fact::Leg(LegFact::Ended(_))) => return,
                    Some(fact) => self.fact(fact),
                },
                () = tokio::time::sleep(sleep) => {
                    self.persona.handle_timeout(self.world.clock.now());
                    self.act();
                }
            }
        }
    }

    fn fact(&mut self, fact: Fact) {
        match fact {
            Fact::Leg(LegFact::Answered) => {
                if let Some(ear) = &mut self.ear {
                    ear.begin();
                }
                self.tell(PersonaInput::Connected);
            }
            Fact::Leg(LegFact::Held { by: LegSide::Local } | LegFact::Resumed { by: LegSide::Local }) => {
                self.tell(PersonaInput::HoldAnswered { accepted: true });
            }
            // It gets through to whomever it was sent to, and is not needed here any more.
            Fact::Leg(LegFact::TransferAsked { transfer, .. }) => {
                for reply in [TransferReply::Agreed, TransferReply::Done] {
                    self.order(&LegOrder::AnswerTransfer { transfer, reply });
                }
            }
            Fact::TransferAnswered(accepted) => self.tell(PersonaInput::TransferAnswered { accepted }),
            Fact::Media(MediaFact::Digit { digit, .. }) => self.tell(PersonaInput::Digit(digit)),
            Fact::Media(MediaFact::VoiceStarted) => self.tell(PersonaInput::VoiceStarted),
            Fact::Media(MediaFact::VoiceStopped) => self.tell(PersonaInput::VoiceStopped),
            Fact::Media(MediaFact::DigitsSent { id }) if id == self.digits => {
                self.tell(PersonaInput::Pressed)
            }
            Fact::Media(MediaFact::PlaybackFinished { playback, completed: true, .. })
                if playback == self.playback =>
            {
                self.tell(PersonaInput::Said);
            }
            Fact::Clip(playback, clip) if playback == self.playback => {
                self.sound(PlaneOrder::Play { playback, clips: vec![clip], times: 1, gap_ms: 0 });
            }
            _ => {}
        }
    }

    fn tell(&mut self, input: PersonaInput) {
        self.persona.handle(input, self.world.clock.now());
        self.act();
    }

    fn act(&mut self) {
        while let Some(output) = self.persona.poll() {
            match output {
                PersonaOutput::Trying => self.command(Command::Trying),
                PersonaOutput::Ring => self.order(&LegOrder::Ring { early_media: false }),
                PersonaOutput::EarlyMedia => self.command(Command::EarlyMedia),
                PersonaOutput::Answer => self.order(&LegOrder::Answer),
                PersonaOutput::LoseAnswer => self.command(Command::LoseAnswer),
                PersonaOutput::Challenge => {
                    let challenge = self.world.gate.challenge(self.world.clock.now());
                    self.command(Command::Reject(challenge));
                }
                PersonaOutput::HangUp => self.order(&LegOrder::HangUp),
                PersonaOutput::Refuse(refusal) => self.refuse(refusal),
                PersonaOutput::Redirect { to } => self.redirect(&to),
                PersonaOutput::Say { text, length_ms } => self.say(text, length_ms),
                PersonaOutput::Play(spec) => self.play(tone(&spec), if spec.repeat { u16::MAX } else { 1 }),
                PersonaOutput::Quiet => self.sound(PlaneOrder::StopPlayback { playback: self.playback }),
                PersonaOutput::Mute => self.sound(PlaneOrder::Mute { on: true }),
                PersonaOutput::Listen => self.sound(PlaneOrder::WatchVoice { on: true }),
                PersonaOutput::Echo => self.sound(PlaneOrder::Echo { on: true }),
                PersonaOutput::Press { digits, in_band } => {
                    self.digits = DigitsId(self.digits.0.wrapping_add(1));
                    self.sound(PlaneOrder::SendDigits { id: self.digits, digits, in_band });
                }
                PersonaOutput::Hold => self.order(&LegOrder::Hold),
                PersonaOutput::Resume => self.order(&LegOrder::Resume),
                PersonaOutput::Transfer { to } => self.transfer(&to),
                // The bad network stood there before the call.
                PersonaOutput::Impair(_) => {}
            }
        }
    }

    /// Says a text as soon as its sound is made; what was said before is cut then.
    fn say(&mut self, text: String, length_ms: Option<u32>) {
        self.playback = PlaybackId(self.playback.0.wrapping_add(1));
        let (playback, sender) = (self.playback, self.sender.clone());
        let (voice, utterance) = (Arc::clone(&self.world.voice), self.utterance(text));
        tokio::spawn(async move {
            let mut clip = voice.clip(utterance).await;
            if let Some(length_ms) = length_ms {
                clip = Arc::new(of_length(&clip, length_ms));
            }
            if let Some(sender) = sender.upgrade() {
                let _ = sender.send(Fact::Clip(playback, clip)).await;
            }
        });
    }

    fn utterance(&self, text: String) -> Utterance {
        let locale = self.persona.locale().to_owned();
        Utterance { text, locale, voice: self.persona.voice().map(str::to_owned) }
    }

    /// Plays a sound that is there already.
    fn play(&mut self, clip: Clip, times: u16) {
        self.playback = PlaybackId(self.playback.0.wrapping_add(1));
        let (playback, clips) = (self.playback, vec![Arc::new(clip)]);
        self.sound(PlaneOrder::Play { playback, clips, times, gap_ms: 0 });
    }

    fn order(&self, order: &LegOrder) {
        let Some(exchange) = self.exchange.upgrade() else { return };
        if let Err(error) = exchange.order(self.leg, order) {
            tracing::debug!(%error, "a persona's order came too late");
        }
    }

    /// Sends the caller to another number of this network.
    fn redirect(&self, to: &str) {
        let Some(exchange) = self.exchange.upgrade() else { return };
        // The caller's settings come along and may name this persona: the address says who is meant.
        let name = entry_of_number(to).name;
        let contact = format!("sip:{}@{};persona={name}", escape_user(to), exchange.local_addr());
        let rejection = Rejection { contacts: vec![contact], ..Rejection::with_code(302) };
        self.command(Command::Reject(rejection));
    }

    /// Asks the other side to call another number of this network instead.
    fn transfer(&self, to: &str) {
        let Some(exchange) = self.exchange.upgrade() else { return };
        let target = Target::Address(format!("sip:{}@{}", escape_user(to), exchange.local_addr()));
        let (answered, answer) = oneshot::channel();
        self.command(Command::Transfer(Transfer { target, asker: Asker::Once(answered) }));
        let sender = self.sender.clone();
        tokio::spawn(async move {
            if let Ok(agreed) = answer.await
                && let Some(sender) = sender.upgrade()
            {
                let _ = sender.send(Fact::TransferAnswered(agreed)).await;
            }
        });
    }

    fn refuse(&self, refusal: PersonaRefusal) {
        let PersonaRefusal { code, phrase, q850, retry_after_s } = refusal;
        let rejection = Rejection {
            reason: Some(phrase.to_owned()),
            q850: q850.map(|cause| Q850 { cause, text: None }),
            retry_after_secs: retry_after_s,
            ..Rejection::with_code(code)
        };
        self.command(Command::Reject(rejection));
    }

    fn command(&self, command: Command) {
        let Some(exchange) = self.exchange.upgrade() else { return };
        if let Err(error) = exchange.command(self.leg, command) {
            tracing::debug!(%error, "a persona's order came too late");
        }
    }

    fn sound(&self, order: PlaneOrder) {
        if let Err(error) = self.world.media.order(self.leg, order) {
            tracing::debug!(%error, "a persona's sound order was not taken");
        }
    }
}
