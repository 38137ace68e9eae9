//! One leg's sound as its worker sees it: packets in, a tick each 20 ms, orders, facts out. Puts its parts together;
//! each of them knows nothing of the others.

pub(crate) mod digits;
mod figures;
pub(crate) mod hearing;
mod incoming;
mod outgoing;
pub(crate) mod player;
pub(crate) mod recorder;
pub(crate) mod relay;
mod reports;

use crate::hub::pace::CATCH_UP;
use crate::prompts::law_of;
use crate::random::Dice;
use crate::wire::{Channel, Wire};
use crate::worker::order::LegOrder;
use audio::Law;
use digits::{DigitSender, DigitTick};
use figures::{Counts, Figures, Measured};
use hearing::{Ear, Pcm, Wanted};
use incoming::{Arrived, Incoming};
use model::sound::{Codec, MediaFact};
use model::{LegId, Timestamp};
use outgoing::{Outgoing, Way};
use player::Player;
use ports::LegSink;
use ports::media::{LatchPolicy, MediaConnection, OpenLeg};
use recorder::Recorder;
use relay::{Kind, PeerRef, Relayed};
use reports::{REPORT_MAX, Reports};
use rtp::Latch;
use rtp::jitter::FRAME_OCTETS;
use rtp::packet::classify;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Length of a tick.
const TICK: Duration = Duration::from_millis(20);
/// Timers are looked at in every fourth tick: all of them are longer, and a tick that touches little memory is what
/// thousands of legs cost.
const TICKS_OF_TIMERS: u32 = 4;
/// A relay whose source is silent for so long sends silence of its own, so that the far side hears a stream.
const RELAY_SILENCE: Duration = Duration::from_millis(200);

/// Packets of sound that a peer behind address translation may need to be found.
const NAT_PACKETS: u8 = 5;

/// Where a packet goes on to.
#[derive(Debug)]
pub(crate) enum Onward<'a> {
    /// Nowhere.
    Stay,
    /// Back to where it came from.
    Back(Relayed<'a>),
    /// To another leg.
    To(PeerRef, Relayed<'a>),
}

/// What a leg is given at its opening besides the order.
#[derive(Debug)]
pub(crate) struct Equipment<W> {
    /// Its way out.
    pub(crate) wire: W,
    /// Its own chance.
    pub(crate) dice: Dice,
    /// Mean time between reports.
    pub(crate) report_interval: Duration,
    /// Time between windows of figures.
    pub(crate) figures_interval: Duration,
}

/// One leg.
pub(crate) struct Leg<W> {
    id: LegId,
    sink: Arc<dyn LegSink>,
    wire: W,
    phase: usize,
    silence_limit: Option<Duration>,
    line: Option<Line>,
    /// When the next tick should be.
    tick_due: Timestamp,
    ticks: u32,
    muted: bool,
    echo: bool,
    relay_to: Option<PeerRef>,
    outgoing: Outgoing,
    incoming: Incoming,
    player: Option<Box<Player>>,
    /// While digits are sent or wait.
    digits: Option<Box<DigitSender>>,
    ear: Option<Box<Ear>>,
    /// Late packets of ears that are gone.
    late_before: u64,
    watch_voice: bool,
    recorders: Vec<Recorder>,
    /// Seldom used, so kept out of what a tick touches.
    reports: Box<Reports>,
    figures: Box<Figures>,
    strangers: u64,
}

/// What was agreed, and whom it made us believe.
struct Line {
    connection: Arc<MediaConnection>,
    latch: Latch,
}

impl<W: Wire> Leg<W> {
    /// A leg that is not connected yet: it neither sends nor hears.
    pub(crate) fn new(open: OpenLeg, equipment: Equipment<W>) -> Self {
        let Equipment { wire, mut dice, report_interval, figures_interval } = equipment;
        Self {
            id: open.leg,
            sink: open.sink,
            wire,
            phase: 0,
            silence_limit: open.silence_limit,
            line: None,
            tick_due: Timestamp::default(),
            ticks: 0,
            muted: false,
            echo: false,
            relay_to: None,
            outgoing: Outgoing::new(&mut dice),
            incoming: Incoming::new(),
            player: None,
            digits: None,
            ear: None,
            late_before: 0,
            watch_voice: false,
            recorders: Vec::new(),
            reports: Box::new(Reports::new(report_interval, dice)),
            figures: Box::new(Figures::new(figures_interval)),
            strangers: 0,
        }
    }

    /// Which leg it is.
    pub(crate) const fn id(&self) -> LegId {
        self.id
    }

    /// Its way out.
    pub(crate) const fn wire(&self) -> &W {
        &self.wire
    }

    /// The phase it ticks in.
    pub(crate) const fn phase(&self) -> usize {
        self.phase
    }

    /// Ticks in `phase` from now on.
    pub(crate) const fn set_phase(&mut self, phase: usize) {
        self.phase = phase;
    }

    /// Carries out an order.
    pub(crate) fn order(&mut self, order: LegOrder, now: Timestamp) {
        match order {
            LegOrder::Connect(connection) => self.connect(*connection, now),
            LegOrder::Play(player) => self.play(player),
            LegOrder::StopPlayback(playback) => {
                if self.player.as_ref().is_some_and(|player| player.playback() == playback) {
                    self.end_playback();
                }
            }
            LegOrder::Digits(script) => {
                if let Err(id) = self.digits.get_or_insert_default().push(script) {
                    let reason = "too many sequences of digits wait on this leg".to_owned();
                    self.sink.media(self.id, MediaFact::DigitsFailed { id, reason });
                }
            }
            LegOrder::WatchVoice(on) => self.watch_voice = on,
            LegOrder::StartRecording(recorder) => self.recorders.push(*recorder),
            LegOrder::StopRecording(recording) => {
                self.recorders.retain(|recorder| recorder.recording() != recording);
            }
            LegOrder::Relay(peer) => self.relay_to = peer,
            LegOrder::Echo(on) => self.echo = on,
            LegOrder::Mute(on) => self.muted = on,
        }
        self.listen_as_wanted();
    }

    /// A datagram came to the port of sound.
    pub(crate) fn on_datagram<'a>(
        &mut self,
        datagram: &'a mut [u8],
        source: SocketAddr,
        now: Timestamp,
    ) -> Onward<'a> {
        if self.muted {
            return Onward::Stay;
        }
        if classify(datagram) == rtp::packet::Kind::Rtcp {
            self.on_rtcp(datagram, source, now);
            return Onward::Stay;
        }
        let Some(line) = &mut self.line else { return Onward::Stay };
        let arrived = self.incoming.on_datagram(datagram, source, &line.connection, &mut line.latch, now);
        let law = law_of(line.connection.codec);
        if self.incoming.first_heard() {
            self.sink.media(self.id, MediaFact::FirstSound);
        }
        let relayed = match arrived {
            Arrived::Nothing => return Onward::Stay,
            Arrived::Event(packet) => {
                self.report_digits();
                Relayed { kind: Kind::Event, packet }
            }
            Arrived::Sound(packet) => {
                if let Some(ear) = &mut self.ear {
                    ear.put(&packet, now);
                }
                Relayed { kind: Kind::Sound(law), packet }
            }
        };
        match self.relay_to {
            Some(peer) => Onward::To(peer, relayed),
            None if self.echo && relayed.kind != Kind::Event => Onward::Back(relayed),
            None => Onward::Stay,
        }
    }

    /// A report came, on its own port or with the sound.
    pub(crate) fn on_rtcp(&mut self, datagram: &[u8], source: SocketAddr, now: Timestamp) {
        let Some(line) = &self.line else { return };
        if self.muted || !self.reports.believes(source, line.latch.target().ip()) {
            self.strangers += u64::from(!self.muted);
            return;
        }
        let repoint = (line.connection.latch == LatchPolicy::Nat).then_some(source);
        let ssrc = self.outgoing.stream().ssrc();
        if self.reports.read(datagram, ssrc, self.incoming.reception_mut(), repoint, now) {
            self.incoming.alive(now);
        }
    }

    /// Sends on a packet of another leg. What this leg itself has to say goes first.
    pub(crate) fn relay(&mut self, relayed: &Relayed<'_>, now: Timestamp) {
        let Some(line) = &self.line else { return };
        let connection = &line.connection;
        let busy = self.player.is_some() || self.digits.is_some();
        if self.muted || !connection.send || busy {
            return;
        }
        let payload_type = match (relayed.kind, connection.dtmf_payload_type) {
            (Kind::Sound(_), _) => connection.payload_type,
            (Kind::Event, Some(payload_type)) => payload_type,
            (Kind::Event, None) => return,
        };
        let way = Way { wire: &self.wire, to: line.latch.target() };
        self.outgoing.relay(way, payload_type, law_of(connection.codec), relayed, now);
        if let Kind::Sound(law) = relayed.kind {
            self.recorders.iter_mut().for_each(|recorder| recorder.put_relayed(law, relayed, now));
        }
    }

    /// Twenty milliseconds have passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let Some(connection) = self.line.as_ref().map(|line| Arc::clone(&line.connection)) else { return };
        self.keep_time(now);
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(TICKS_OF_TIMERS) {
            self.look_at_timers(&connection, now);
        }
        let mut heard: Pcm = [0; FRAME_OCTETS];
        if let Some(ear) = &mut self.ear {
            ear.tick(now, &mut heard, |fact| self.sink.media(self.id, fact));
        }
        let law = law_of(connection.codec);
        let mut frame = [law.silence(); FRAME_OCTETS];
        let said = self.speak(&connection, &mut frame, now);
        for recorder in &mut self.recorders {
            recorder.tick(&heard, said.then_some((law, &frame)), now);
        }
    }

    /// Ends everything and says what it was. The sockets close and the port rests when the leg is dropped.
    pub(crate) fn close(&mut self, now: Timestamp) {
        self.end_playback();
        self.recorders.clear();
        let Some(connection) = self.line.as_ref().map(|line| Arc::clone(&line.connection)) else { return };
        self.send_report(true, now);
        let (counts, measured) = (self.counts(), self.measured(connection.codec, connection.receive));
        let total = self.figures.total(counts, measured);
        self.sink.media(self.id, MediaFact::Figures(total));
    }

    /// Ends at once after a panic: nothing that may be half done is used, only its owner is told that no more comes.
    pub(crate) fn give_up(&self) {
        self.sink.media(self.id, MediaFact::TimedOut { silent_ms: 0 });
    }

    fn connect(&mut self, connection: MediaConnection, now: Timestamp) {
        let connection = Arc::new(connection);
        self.outgoing.agree(connection.payload_type, connection.ptime_ms);
        self.reports.agree(connection.remote_rtcp, now);
        self.incoming.alive(now);
        match &mut self.line {
            Some(line) => {
                if line.connection.codec != connection.codec {
                    self.late_before += self.ear.take().map_or(0, |ear| ear.hearing().late_packets());
                }
                line.latch.on_new_description(latch_policy(connection.latch), connection.remote);
                line.connection = connection;
            }
            None => {
                self.figures.begin(now);
                self.tick_due = now;
                let latch = Latch::new(latch_policy(connection.latch), connection.remote);
                self.line = Some(Line { connection, latch });
            }
        }
    }

    /// A worker that was held up leaves ticks out. Media time goes on all the same, or the far side would hear
    /// everything late from then on.
    fn keep_time(&mut self, now: Timestamp) {
        let left_out = (now - self.tick_due).saturating_sub(CATCH_UP).as_millis() / TICK.as_millis();
        if let Some(ticks) = u32::try_from(left_out).ok().filter(|ticks| *ticks > 0) {
            self.outgoing.pause(ticks);
            self.tick_due = self.tick_due + TICK * ticks;
        }
        self.tick_due = (self.tick_due + TICK).min(now + TICK);
    }

    fn play(&mut self, player: Box<Player>) {
        self.end_playback();
        let over = player.is_over();
        self.player = Some(player);
        if over {
            self.end_playback();
        }
    }

    fn end_playback(&mut self) {
        if let Some(player) = self.player.take() {
            self.sink.media(self.id, player.finished());
        }
    }

    /// The far side is decoded only while somebody listens.
    fn listen_as_wanted(&mut self) {
        let Some(line) = &self.line else { return };
        let wanted = Wanted {
            voice: self.watch_voice,
            digits: line.connection.receive_dtmf_payload_type.is_none(),
            samples: !self.recorders.is_empty(),
        };
        match &mut self.ear {
            Some(ear) if wanted.any() => ear.want(wanted),
            Some(ear) => {
                self.late_before += ear.hearing().late_packets();
                self.ear = None;
            }
            None if wanted.any() => {
                self.ear = Some(Box::new(Ear::new(law_of(line.connection.codec), wanted)))
            }
            None => {}
        }
    }

    fn look_at_timers(&mut self, connection: &MediaConnection, now: Timestamp) {
        if self.incoming.on_time(now) {
            self.report_digits();
        }
        self.watch_silence(connection, now);
        if self.reports.is_due(now) {
            self.send_report(false, now);
        }
        if self.figures.is_due(now) {
            let (counts, measured) = (self.counts(), self.measured(connection.codec, connection.receive));
            let window = self.figures.window(counts, measured);
            self.sink.media(self.id, MediaFact::Figures(window));
        }
    }

    /// Only a stream both ways must not fall silent: on hold (RFC 3264 §8.4, or c=0.0.0.0) a far side may.
    fn watch_silence(&mut self, connection: &MediaConnection, now: Timestamp) {
        let both_ways = connection.send && connection.receive;
        let Some(limit) = self.silence_limit.filter(|_| both_ways) else { return };
        if let Some(silent) = self.incoming.silent_for(limit, now) {
            let silent_ms = u32::try_from(silent.as_millis()).unwrap_or(u32::MAX);
            self.sink.media(self.id, MediaFact::TimedOut { silent_ms });
        }
    }

    /// Says what there is to say in this tick; true when `frame` holds it.
    fn speak(
        &mut self,
        connection: &MediaConnection,
        frame: &mut [u8; FRAME_OCTETS],
        now: Timestamp,
    ) -> bool {
        let law = law_of(connection.codec);
        let Some(to) = self.line.as_ref().map(|line| line.latch.target()) else { return false };
        let to = (connection.send && !self.muted).then_some(to);
        if let Some(said) = self.speak_digits(connection.dtmf_payload_type, law, to, frame, now) {
            return said;
        }
        if let Some(player) = &mut self.player {
            let octets = player.fill(law, frame);
            let over = player.is_over();
            if to.is_some() {
                player.count_sent(octets);
            }
            let said = self.send_frame(to, frame, now);
            if over {
                self.end_playback();
            }
            return said;
        }
        let relaying = self.relay_to.is_some() || self.echo;
        if relaying && self.outgoing.relayed_within(RELAY_SILENCE, now) {
            return false;
        }
        self.send_frame(to, frame, now)
    }

    /// Goes on with digits; none when there are none in this tick.
    fn speak_digits(
        &mut self,
        events: Option<u8>,
        law: Law,
        to: Option<SocketAddr>,
        frame: &mut [u8; FRAME_OCTETS],
        now: Timestamp,
    ) -> Option<bool> {
        let digits = self.digits.as_mut()?;
        let timestamp = self.outgoing.stream().timestamp();
        let (tick, finished) = digits.tick(events.is_some(), timestamp, law, frame);
        if digits.is_idle() {
            self.digits = None;
        }
        if let Some(id) = finished {
            self.sink.media(self.id, MediaFact::DigitsSent { id });
        }
        match (tick, to) {
            (DigitTick::Idle, _) => return None,
            (DigitTick::Silence | DigitTick::Tone, _) => return Some(self.send_frame(to, frame, now)),
            (DigitTick::Event(event), Some(to)) => {
                let way = Way { wire: &self.wire, to };
                self.outgoing.event(way, events.unwrap_or_default(), &event, now);
            }
            (DigitTick::Pause | DigitTick::Event(_), _) => self.outgoing.pause(1),
        }
        Some(false)
    }

    /// Sends 20 ms, or lets them pass where nothing may be sent; true when they were sent.
    fn send_frame(&mut self, to: Option<SocketAddr>, frame: &[u8; FRAME_OCTETS], now: Timestamp) -> bool {
        match to {
            Some(to) => self.outgoing.frame(Way { wire: &self.wire, to }, frame, now),
            None => self.outgoing.pause(1),
        }
        to.is_some()
    }

    fn report_digits(&mut self) {
        self.incoming.digits(|fact| self.sink.media(self.id, fact));
    }

    fn send_report(&mut self, bye: bool, now: Timestamp) {
        let Some(line) = &self.line else { return };
        if self.muted || line.latch.target().ip().is_unspecified() {
            return;
        }
        let mut report = [0; REPORT_MAX];
        let reception = self.incoming.reception_mut();
        let len = self.reports.write(self.outgoing.stream(), reception, bye, now, &mut report);
        let Some(datagram) = report.get(..len).filter(|datagram| !datagram.is_empty()) else { return };
        match self.reports.target() {
            Some(target) => self.wire.send(Channel::Reports, datagram, target),
            None => self.wire.send(Channel::Sound, datagram, line.latch.target()),
        };
    }

    fn counts(&self) -> Counts {
        let dropped = self.line.as_ref().map_or(0, |line| line.latch.dropped());
        Counts {
            received: self.incoming.received(),
            sent: self.outgoing.sent(),
            late: self.late_before + self.ear.as_ref().map_or(0, |ear| ear.hearing().late_packets()),
            foreign: dropped + self.strangers,
            reception: self.incoming.reception().figures(),
        }
    }

    fn measured(&mut self, codec: Codec, receive: bool) -> Measured {
        let loudness = self.ear.as_mut().map(|ear| ear.take_loudness()).unwrap_or_default();
        Measured { codec, receive, round_trip: self.reports.round_trip(), loudness }
    }
}

const fn latch_policy(policy: LatchPolicy) -> rtp::latch::LatchPolicy {
    match policy {
        LatchPolicy::Strict => rtp::latch::LatchPolicy::Strict,
        LatchPolicy::Nat => rtp::latch::LatchPolicy::Nat { packets: NAT_PACKETS },
    }
}

#[cfg(test)]
mod tests;
