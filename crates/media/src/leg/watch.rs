//! What a leg looks at now and then: digits whose end was lost, silence, sound that goes one way only, reports,
//! figures.

use super::figures::{Counts, Measured};
use super::reports::REPORT_MAX;
use super::{Leg, Terms};
use crate::wire::{Channel, Wire};
use model::Timestamp;
use model::sound::MediaFact;
use rtp::srtp::RTCP_OVERHEAD_MAX;

impl<W: Wire> Leg<W> {
    pub(super) fn look_at_timers(&mut self, terms: &Terms, now: Timestamp) {
        if self.incoming.on_time(now) {
            self.report_digits();
        }
        self.watch_flow(terms, now);
        if self.reports.is_due(now) {
            self.send_report(false, now);
        }
        if self.figures.is_due(now) {
            let (counts, measured) = (self.counts(), self.measured(terms));
            let window = self.figures.window(counts, measured);
            self.sink.media(self.id, MediaFact::Figures(window));
        }
    }

    /// Only a stream both ways must not fall silent: on hold (RFC 3264 §8.4, or c=0.0.0.0) a far side may.
    fn watch_flow(&mut self, terms: &Terms, now: Timestamp) {
        if !(terms.send && terms.receive) || self.muted {
            return;
        }
        let seen = super::flow::Seen {
            alive_at: self.incoming.alive_at(),
            heard_at: self.incoming.heard_at(),
            paused: self.incoming.is_paused(),
            sounded_at: self.incoming.sounded_at(),
            unreached: self.reports.unreached(self.outgoing.sent().0, now),
        };
        let (sink, id) = (&self.sink, self.id);
        self.flow.look(&seen, now, |fact| sink.media(id, fact));
    }

    pub(super) fn send_report(&mut self, bye: bool, now: Timestamp) {
        let Some(line) = &self.line else { return };
        if self.muted || line.latch.target().ip().is_unspecified() {
            return;
        }
        let mut report = [0; REPORT_MAX + RTCP_OVERHEAD_MAX];
        let reception = self.incoming.reception_mut();
        let len = self.reports.write(self.outgoing.stream(), reception, bye, now, &mut report);
        let len = self.outgoing.protect_report(&mut report, len);
        let Some(datagram) = report.get(..len).filter(|datagram| !datagram.is_empty()) else { return };
        match self.reports.target() {
            Some(target) => self.wire.send(Channel::Reports, datagram, target),
            None => self.wire.send(Channel::Sound, datagram, line.latch.target()),
        };
    }

    pub(super) fn counts(&self) -> Counts {
        let dropped = self.line.as_ref().map_or(0, |line| line.latch.dropped());
        Counts {
            received: self.incoming.received(),
            sent: self.outgoing.sent(),
            events: (self.incoming.event_packets(), self.outgoing.event_packets()),
            late: self.late_before + self.ear.as_ref().map_or(0, |ear| ear.hearing().late_packets()),
            foreign: dropped + self.strangers + self.outgoing.refused_by_keys(),
            reception: self.incoming.reception().figures(),
        }
    }

    pub(super) fn measured(&mut self, terms: &Terms) -> Measured {
        let mut heard = self.incoming.take_loudness();
        if let Some(ear) = &mut self.ear {
            heard.join(ear.take_loudness());
        }
        Measured {
            codec: terms.codec,
            receive: terms.receive,
            round_trip: self.reports.round_trip(),
            heard,
            said: self.outgoing.take_loudness(),
        }
    }
}
