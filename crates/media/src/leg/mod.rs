//! One leg's sound as its thread sees it: packets in, a tick each 20 ms, orders, facts out. Puts its parts together;
//! each of them knows nothing of the others. Time and the way out are given to it: it runs in real and in virtual time.

mod converter;
pub(crate) mod digits;
mod figures;
mod flow;
pub(crate) mod frame;
pub(crate) mod hearing;
mod incoming;
pub(crate) mod listener;
mod outgoing;
pub(crate) mod player;
pub(crate) mod recorder;
pub(crate) mod relay;
mod reports;
mod speak;
mod transcoder;
mod watch;

use crate::counters::Counters;
use crate::hub::pace::CATCH_UP;
use crate::random::Dice;
use crate::wire::Wire;
use crate::worker::order::LegOrder;
use audio::amd::AmdDetector;
use converter::Converter;
use digits::Digits;
pub(crate) use figures::Counts;
use figures::Figures;
use flow::Flow;
use frame::{Frame, NARROW};
use hearing::{Ear, Pcm, Wanted};
use incoming::{Arrived, Incoming};
use listener::Listener;
use model::sound::{Codec, MediaFact};
use model::{LegId, RecordingId, Timestamp};
use outgoing::Outgoing;
use player::Player;
use ports::LegSink;
use ports::media::{Blend, LatchPolicy, MediaConnection, OpenLeg};
use recorder::{Buffers, Recorder};
use relay::{Kind, PeerRef, Relayed};
use reports::Reports;
use rtp::Latch;
use rtp::packet::classify;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Length of a tick.
const TICK: Duration = Duration::from_millis(20);
/// Timers are looked at in every fourth tick: all of them are longer, and a tick that touches little memory is what
/// thousands of legs cost.
const TICKS_OF_TIMERS: u32 = 4;
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
pub(crate) struct Equipment<W> {
    /// Its way out.
    pub(crate) wire: W,
    /// Its own chance.
    pub(crate) dice: Dice,
    /// Mean time between reports.
    pub(crate) report_interval: Duration,
    /// Time between windows of figures.
    pub(crate) figures_interval: Duration,
    /// What its thread counts.
    pub(crate) counters: Arc<Counters>,
}

/// One leg.
pub(crate) struct Leg<W> {
    id: LegId,
    sink: Arc<dyn LegSink>,
    wire: W,
    phase: usize,
    line: Option<Line>,
    /// When the next tick should be.
    tick_due: Timestamp,
    ticks: u32,
    muted: bool,
    echo: bool,
    watch_voice: bool,
    blend: Blend,
    relay_to: Option<PeerRef>,
    outgoing: Outgoing,
    incoming: Incoming,
    player: Option<Box<Player>>,
    /// While digits are sent or wait.
    digits: Option<Box<Digits>>,
    ear: Option<Box<Ear>>,
    /// While something that is said is listened for.
    listener: Option<Box<Listener>>,
    /// While it is not known who answered, or a machine's greeting goes on.
    detector: Option<Box<AmdDetector>>,
    recorders: Vec<Recorder>,
    /// What turns sound of one codec into another, once it was needed.
    converter: Option<Box<Converter>>,
    /// Ticks since comfort noise was last sent; 0 while something else was said.
    noise_ticks: u32,
    /// The telephone event that was last made anew for the far side.
    event_seen: Option<u32>,
    /// Seldom used, so kept out of what a tick touches.
    reports: Box<Reports>,
    figures: Box<Figures>,
    flow: Box<Flow>,
    /// Late packets of ears that are gone.
    late_before: u64,
    strangers: u64,
}

/// What was agreed, and whom it made us believe.
struct Line {
    terms: Terms,
    latch: Latch,
}

/// What was agreed, as far as packets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    codec: Codec,
    payload_type: u8,
    receive_payload_type: u8,
    dtmf_payload_type: Option<u8>,
    receive_dtmf_payload_type: Option<u8>,
    noise_payload_type: Option<u8>,
    send: bool,
    receive: bool,
    nat: bool,
}

impl Terms {
    const fn of(connection: &MediaConnection) -> Self {
        Self {
            codec: connection.codec,
            payload_type: connection.payload_type,
            receive_payload_type: connection.receive_payload_type,
            dtmf_payload_type: connection.dtmf_payload_type,
            receive_dtmf_payload_type: connection.receive_dtmf_payload_type,
            noise_payload_type: connection.comfort_noise_payload_type,
            send: connection.send,
            receive: connection.receive,
            nat: matches!(connection.latch, LatchPolicy::Nat),
        }
    }
}

impl<W: Wire> Leg<W> {
    /// A leg that is not connected yet: it neither sends nor hears.
    pub(crate) fn new(open: OpenLeg, equipment: Equipment<W>) -> Self {
        let Equipment { wire, mut dice, report_interval, figures_interval, counters } = equipment;
        let stream_dice = Dice::new(dice.next_u64());
        Self {
            id: open.leg,
            sink: open.sink,
            wire,
            phase: 0,
            line: None,
            tick_due: Timestamp::default(),
            ticks: 0,
            muted: false,
            echo: false,
            watch_voice: false,
            blend: Blend::Replace,
            relay_to: None,
            outgoing: Outgoing::new(stream_dice),
            incoming: Incoming::new(),
            player: None,
            digits: None,
            ear: None,
            listener: None,
            detector: None,
            recorders: Vec::new(),
            converter: None,
            noise_ticks: 0,
            event_seen: None,
            reports: Box::new(Reports::new(report_interval, dice)),
            figures: Box::new(Figures::new(figures_interval, counters)),
            flow: Box::new(Flow::new(open.silence_limit)),
            late_before: 0,
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
            LegOrder::Connect(connection) => self.connect(&connection, now),
            LegOrder::Play(player) => self.play(player),
            LegOrder::StopPlayback(playback) => {
                if self.player.as_ref().is_some_and(|player| player.playback() == playback) {
                    self.end_playback();
                }
            }
            LegOrder::Digits(script) => {
                if let Err(Some(id)) = self.digits.get_or_insert_default().push(script) {
                    let reason = "too many sequences of digits wait on this leg".to_owned();
                    self.sink.media(self.id, MediaFact::DigitsFailed { id, reason });
                }
            }
            LegOrder::WatchVoice(on) => self.watch_voice = on,
            LegOrder::Detect(detector) => self.detector = detector,
            LegOrder::Listen(listener) => self.listener = Some(listener),
            LegOrder::StopListening(listen) => {
                self.listener.take_if(|listener| listener.listen() == listen);
            }
            LegOrder::StartRecording(recorder) => self.recorders.push(*recorder),
            LegOrder::PauseRecording(recording) => self.recorder(recording).for_each(Recorder::pause),
            LegOrder::ResumeRecording(recording) => self.recorder(recording).for_each(Recorder::resume),
            LegOrder::StopRecording(recording) => {
                self.recorders.retain(|recorder| recorder.recording() != recording);
            }
            LegOrder::Relay(peer) => {
                self.relay_to = peer;
                self.end_conversion();
            }
            LegOrder::Blend(blend) => self.blend = blend,
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
        let Some(datagram) = self.outgoing.open(datagram) else { return Onward::Stay };
        let terms = line.terms;
        let arrived = self.incoming.on_datagram(datagram, source, &terms, &mut line.latch, now);
        if self.incoming.first_heard() {
            self.sink.media(self.id, MediaFact::FirstSound);
        }
        let Some(relayed) = self.hear(arrived, terms, now) else { return Onward::Stay };
        match self.relay_to {
            Some(peer) => Onward::To(peer, relayed),
            None if self.echo && matches!(relayed.kind, Kind::Sound(_)) => Onward::Back(relayed),
            None => Onward::Stay,
        }
    }

    /// Gives a packet to who listens here, and says what it is to others.
    fn hear<'a>(&mut self, arrived: Arrived<'a>, terms: Terms, now: Timestamp) -> Option<Relayed<'a>> {
        match arrived {
            Arrived::Nothing => None,
            Arrived::Event(packet) => {
                self.report_digits();
                Some(Relayed { kind: Kind::Event { clock_hz: terms.codec.rtp_clock_hz() }, packet })
            }
            Arrived::Noise(packet) => {
                if let Some(ear) = &mut self.ear {
                    ear.put_noise(packet.payload);
                }
                Some(Relayed { kind: Kind::Noise, packet })
            }
            Arrived::Sound(packet) => {
                self.incoming.sample(terms.codec, packet.payload, self.ear.is_some(), now);
                if let Some(ear) = &mut self.ear {
                    ear.put(&packet, now, |fact| self.sink.media(self.id, fact));
                }
                Some(Relayed { kind: Kind::Sound(terms.codec), packet })
            }
        }
    }

    /// A report came, on its own port or with the sound.
    pub(crate) fn on_rtcp(&mut self, datagram: &mut [u8], source: SocketAddr, now: Timestamp) {
        let Some(line) = &self.line else { return };
        if self.muted || !self.reports.believes(source, line.latch.target().ip()) {
            self.strangers += u64::from(!self.muted);
            return;
        }
        let Some(datagram) = self.outgoing.open_report(datagram) else { return };
        let repoint = line.terms.nat.then_some(source);
        let stream = (self.outgoing.stream().ssrc(), self.outgoing.sent().0);
        if self.reports.read(datagram, stream, self.incoming.reception_mut(), repoint, now) {
            self.incoming.alive(now);
        }
    }

    /// Twenty milliseconds have passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let Some(line) = &self.line else { return };
        let (terms, to) = (line.terms, line.latch.target());
        self.keep_time(now);
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(TICKS_OF_TIMERS) {
            self.look_at_timers(&terms, now);
        }
        let mut heard: Pcm = [0; NARROW];
        if let Some(ear) = &mut self.ear {
            ear.tick(now, &mut heard, |fact| self.sink.media(self.id, fact));
        }
        self.listen(&heard);
        if let Some(detector) = &mut self.detector {
            detector.on_frame(&heard, |news| self.sink.media(self.id, MediaFact::Amd(news)));
        }
        let to = (terms.send && !self.muted).then_some(to);
        let mut frame = Frame::silence_at(terms.codec, self.ticks);
        let said = self.speak(&terms, to, &mut frame, now);
        let buffers = Buffers {
            heard: self.ear.as_ref().map(|ear| ear.hearing()),
            under: self.converter.as_ref().and_then(|converter| converter.under()),
        };
        for recorder in &mut self.recorders {
            recorder.tick(&heard, said.then_some((terms.codec, frame.octets())), buffers, now);
        }
    }

    fn recorder(&mut self, recording: RecordingId) -> impl Iterator<Item = &mut Recorder> {
        self.recorders.iter_mut().filter(move |recorder| recorder.recording() == recording)
    }

    /// Ends everything and says what it was. The sockets close and the port rests when the leg is dropped.
    pub(crate) fn close(&mut self, now: Timestamp) {
        self.end_playback();
        self.recorders.clear();
        let Some(terms) = self.line.as_ref().map(|line| line.terms) else { return };
        self.send_report(true, now);
        let (counts, measured) = (self.counts(), self.measured(&terms));
        let total = self.figures.total(counts, measured);
        self.sink.media(self.id, MediaFact::Figures(total));
    }

    /// Ends at once after a panic: nothing that may be half done is used, only its owner is told that no more comes.
    pub(crate) fn give_up(&self) {
        self.sink.media(self.id, MediaFact::TimedOut { silent_ms: 0 });
    }

    fn connect(&mut self, connection: &MediaConnection, now: Timestamp) {
        let terms = Terms::of(connection);
        self.outgoing.agree(terms.codec, terms.payload_type, connection.ptime_ms);
        self.incoming.agree(terms.codec);
        self.reports.agree(connection.remote_rtcp, now);
        self.incoming.alive(now);
        self.flow.begin(now);
        self.outgoing.secure(connection.srtp.as_ref());
        match &mut self.line {
            Some(line) => {
                if line.terms.codec != terms.codec {
                    self.late_before += self.ear.take().map_or(0, |ear| ear.hearing().late_packets());
                    self.converter = None;
                }
                line.latch.on_new_description(latch_policy(connection.latch), connection.remote);
                line.terms = terms;
            }
            None => {
                self.figures.begin(now);
                self.tick_due = now;
                let latch = Latch::new(latch_policy(connection.latch), connection.remote);
                self.line = Some(Line { terms, latch });
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
        if let Some(converter) = &mut self.converter {
            converter.end_playback();
        }
    }

    fn end_conversion(&mut self) {
        if let Some(converter) = &mut self.converter {
            converter.end_relay();
        }
    }

    /// The far side is decoded only while somebody listens.
    fn listen_as_wanted(&mut self) {
        let Some(line) = &self.line else { return };
        let wanted = Wanted {
            voice: self.watch_voice || self.listener.is_some(),
            digits: line.terms.receive_dtmf_payload_type.is_none(),
            samples: !self.recorders.is_empty() || self.listener.is_some() || self.detector.is_some(),
        };
        match &mut self.ear {
            Some(ear) if wanted.any() => ear.want(wanted),
            Some(ear) => {
                self.late_before += ear.hearing().late_packets();
                self.ear = None;
            }
            None if wanted.any() => self.ear = Ear::new(line.terms.codec, wanted).map(Box::new),
            None => {}
        }
    }

    /// Gives 20 ms to who listens for something that is said.
    fn listen(&mut self, heard: &Pcm) {
        let (Some(listener), Some(ear)) = (&mut self.listener, &self.ear) else { return };
        if let Some(speech) = listener.tick(heard, ear.voice()) {
            self.listener = None;
            self.sink.heard(self.id, speech);
            self.listen_as_wanted();
        }
    }

    fn report_digits(&mut self) {
        self.incoming.digits(|fact| self.sink.media(self.id, fact));
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
