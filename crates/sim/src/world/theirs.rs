//! The far side of a call: the carrier takes and places it, the party behind it acts.

use super::line::Far;
use super::ours::{CALL_HEADER, call_header};
use super::{Side, World};
use crate::dice::Dice;
use crate::leg::{Leg, News, Speaks};
use crate::network::{Network, NetworkProfile};
use crate::party::Party;
use crate::plan::Plan;
use crate::recorded::Recorded;
use crate::sound::{Sound, voice};
use model::leg::LegFact;
use model::sound::{DigitsId, Impairment, MediaFact, PlaybackId};
use persona::{Persona, PersonaInput, PersonaOutput, PersonaRefusal, Tone};
use sip::{
    CallKey, Credentials, Hop, IncomingCall, Order, OutgoingCall, Party as SipParty, Q850, Refer,
    ReferTarget, Rejection,
};
use std::time::Duration;

/// Whose credential the carrier wants of a caller that it does not believe.
const REALM: &str = "simulation";
/// How long a persona waits for the app to answer.
const CALLER_PATIENCE: Duration = Duration::from_secs(90);
/// How often a tone sounds that is repeated for ever.
const FOR_EVER: u16 = u16::MAX;

/// What the server proves itself with to the carrier.
pub(super) fn credentials() -> Credentials {
    Credentials { username: REALM.to_owned(), password: REALM.to_owned(), realm: Some(REALM.to_owned()) }
}

impl World {
    /// A call reaches the carrier.
    pub(super) fn arrived_theirs(&mut self, key: CallKey, incoming: &IncomingCall) {
        let now = self.now;
        let Some(call) = call_header(incoming) else { return };
        let Some(line) = self.touch(call) else { return };
        let mut party = party(&line.plan);
        let events = party.knows_telephone_events();
        let speaks = Speaks::all(Side::Theirs.sound(call), events);
        let leg = Leg::incoming(key, speaks, incoming.sdp.clone());
        party.handle(PersonaInput::Called { authorized: is_authorized(incoming) }, now);
        line.far = Some(Far::new(party, leg, Sound::new(!line.seed, None, now)));
    }

    /// A persona calls the app.
    pub(super) fn call_in(&mut self, call: usize) {
        let now = self.now;
        let Some(line) = self.touch(call) else { return };
        let party = party(&line.plan);
        let key = CallKey(call as u64 + 1);
        let all = Speaks::all(Side::Theirs.sound(call), party.knows_telephone_events());
        let (leg, sdp) = Leg::outgoing(key, Speaks { codecs: line.plan.codecs.clone(), ..all });
        let outgoing = OutgoingCall {
            to_uri: format!("sip:{}@{}", line.plan.app, Side::Ours.sip()),
            from: SipParty {
                display: None,
                user: line.plan.persona.clone(),
                host: Side::Theirs.sip().ip().to_string(),
            },
            destination: Hop::udp(Side::Ours.sip()),
            sdp,
            credentials: None,
            replaces: None,
            route: Vec::new(),
            session_timers: None,
            extra_headers: vec![(CALL_HEADER.to_owned(), call.to_string())],
            ring_timeout: CALLER_PATIENCE,
            large_over_tcp: false,
        };
        line.far = Some(Far::new(party, leg, Sound::new(!line.seed, None, now)));
        self.give(Side::Theirs, vec![Order::Invite { key, call: Box::new(outgoing) }]);
    }

    /// The far side's leg says something.
    pub(super) fn their_news(&mut self, call: usize, news: &News) {
        let now = self.now;
        let Some(line) = self.touch(call) else { return };
        let Some(far) = &mut line.far else { return };
        match *news {
            News::Fact(LegFact::Ended(_)) => far.over = true,
            News::Fact(LegFact::Answered) if !far.connected => {
                far.connected = true;
                far.party.handle(PersonaInput::Connected, now);
            }
            News::Fact(_) => {}
            News::Connected(connection) => far.sound.connect(connection, now),
            News::Digit(digit, _) => far.party.handle(PersonaInput::Digit(digit), now),
            News::HoldAnswered(accepted) => far.party.handle(PersonaInput::HoldAnswered { accepted }, now),
            News::TransferAnswered(accepted) => {
                far.party.handle(PersonaInput::TransferAnswered { accepted }, now);
            }
        }
    }

    /// Brings the far side of a call to rest.
    pub(super) fn settle_theirs(&mut self, call: usize) {
        let now = self.now;
        loop {
            let Some(line) = self.calls.get_mut(call) else { return };
            let Some(far) = &mut line.far else { return };
            if far.over {
                line.far = None;
                return;
            }
            while let Some(fact) = far.sound.poll() {
                if let Some(input) = far.input(&fact) {
                    far.party.handle(input, now);
                }
            }
            let Some(output) = far.party.poll() else { return };
            self.act(call, output);
        }
    }

    fn act(&mut self, call: usize, output: PersonaOutput) {
        let now = self.now;
        let (mut orders, mut news) = (Vec::new(), Vec::new());
        let Some(line) = self.calls.get_mut(call) else { return };
        let Some(far) = &mut line.far else { return };
        let key = far.leg.key;
        match output {
            PersonaOutput::Trying => far.leg.trying(&mut orders),
            PersonaOutput::Ring => far.leg.ring(&mut orders),
            PersonaOutput::EarlyMedia => far.leg.ring_with_sound(&mut orders, &mut news),
            PersonaOutput::Answer => far.leg.answer(&mut orders, &mut news),
            PersonaOutput::LoseAnswer => line.loses_answer = true,
            PersonaOutput::Challenge => orders.push(challenge(key, line.seed, now)),
            PersonaOutput::Refuse(refusal) => far.leg.reject(rejection(refusal), &mut orders),
            PersonaOutput::Redirect { to } => {
                line.plan.persona = to;
                far.party = party(&line.plan);
                far.party.handle(PersonaInput::Called { authorized: true }, now);
            }
            PersonaOutput::HangUp => far.leg.hang_up(&mut orders),
            PersonaOutput::Hold => far.leg.hold(true, &mut orders),
            PersonaOutput::Resume => far.leg.hold(false, &mut orders),
            PersonaOutput::Transfer { to } => orders.push(transfer(key, &to)),
            PersonaOutput::Impair(impairment) => line.impairment = Some(network(impairment)),
            sound => far.sound(sound),
        }
        self.spread(Side::Theirs, call, news);
        self.give(Side::Theirs, orders);
    }
}

impl Far {
    fn new(party: Party, leg: Leg, sound: Sound) -> Self {
        let (playback, digits) = (PlaybackId(0), DigitsId(0));
        Self { party, leg, sound, playback, digits, connected: false, over: false }
    }

    /// What a fact of its sound is to the party.
    fn input(&self, fact: &MediaFact) -> Option<PersonaInput> {
        match fact {
            MediaFact::Digit { digit, .. } => Some(PersonaInput::Digit(*digit)),
            MediaFact::VoiceStarted => Some(PersonaInput::VoiceStarted),
            MediaFact::VoiceStopped => Some(PersonaInput::VoiceStopped),
            MediaFact::DigitsSent { id } if *id == self.digits => Some(PersonaInput::Pressed),
            MediaFact::PlaybackFinished { playback, completed: true, .. } if *playback == self.playback => {
                Some(PersonaInput::Said)
            }
            _ => None,
        }
    }

    /// The party does something with its sound. Tones are heard as voices are.
    fn sound(&mut self, output: PersonaOutput) {
        match output {
            PersonaOutput::Say { text, length_ms } => {
                let length_ms = length_ms.unwrap_or_else(|| voice::length_ms(&text));
                self.play(length_ms, 1, 0);
            }
            PersonaOutput::Play(Tone { on_ms, off_ms, repeat, .. }) => {
                self.play(on_ms, if repeat { FOR_EVER } else { 1 }, off_ms);
            }
            PersonaOutput::Quiet => self.sound.stop(self.playback),
            PersonaOutput::Listen => self.sound.watch(true),
            PersonaOutput::Echo => self.sound.echo(),
            PersonaOutput::Press { digits, in_band } => {
                self.digits = DigitsId(self.digits.0.wrapping_add(1));
                self.sound.press(self.digits, &digits, in_band);
            }
            PersonaOutput::Mute => self.sound.muted = true,
            _ => {}
        }
    }

    fn play(&mut self, length_ms: u32, times: u16, gap_ms: u32) {
        self.playback = PlaybackId(self.playback.0.wrapping_add(1));
        self.sound.play(self.playback, vec![length_ms], times, gap_ms);
    }
}

fn party(plan: &Plan) -> Party {
    match &plan.recorded {
        Some(inputs) => Party::Recorded(Box::new(Recorded::new(inputs.clone(), plan.direction))),
        None => Party::Persona(Box::new(Persona::new(&plan.persona, plan.settings.clone()))),
    }
}

/// Whether the caller answered our challenge. That it did so rightly is the digest's own business.
fn is_authorized(incoming: &IncomingCall) -> bool {
    incoming.authorizations.iter().any(|value| value.contains(REALM))
}

fn challenge(key: CallKey, seed: u64, now: model::Timestamp) -> Order {
    let mut dice = Dice::new(seed);
    let mut secret = [0; 32];
    for chunk in secret.chunks_exact_mut(8) {
        chunk.copy_from_slice(&dice.bits().to_be_bytes());
    }
    let challenges = sip::digest::Authenticator::new(REALM, secret).challenges(false, now);
    Order::Challenge { key, challenges }
}

fn transfer(key: CallKey, to: &str) -> Order {
    let target = ReferTarget::Uri(format!("sip:{to}@{}", Side::Theirs.sip()));
    Order::Refer { key, refer: Refer { target, referred_by: false, wants_progress: true } }
}

fn rejection(refusal: PersonaRefusal) -> Rejection {
    let PersonaRefusal { code, phrase, q850, retry_after_s } = refusal;
    Rejection {
        reason: Some(phrase.to_owned()),
        q850: q850.map(|cause| Q850 { cause, text: None }),
        retry_after_secs: retry_after_s,
        ..Rejection::with_code(code)
    }
}

fn network(impairment: Impairment) -> Network {
    let Impairment { loss_percent, jitter_ms, reorder_percent, seed } = impairment;
    // Within 0–100 by the settings' own check.
    let permille = |percent: f32| (percent.clamp(0.0, 100.0) * 10.0).round() as u32;
    let profile = NetworkProfile {
        delay_ms: 0,
        jitter_ms,
        loss_permille: permille(loss_percent),
        reorder_permille: permille(reorder_percent),
        ..NetworkProfile::CLEAN
    };
    Network::new(profile, Dice::new(seed), super::BEGIN)
}
