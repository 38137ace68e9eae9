//! How long a session lives without a refresh (RFC 4028): what is agreed upon, who refreshes, and the two timers. Decides
//! no request and ends no call.

use crate::dialog::snapshot::SessionSnapshot;
use crate::endpoint::config::{SessionRefresher, SessionTimers};
use crate::endpoint::order::CallKey;
use crate::endpoint::wire::Wire;
use crate::message::session_expires::{Refresher, SessionExpires, min_se};
use crate::message::validate::Refusal;
use crate::message::{HeaderName, Message, Writer};
use crate::transaction::{Timer, TimerId};
use model::Timestamp;
use std::time::Duration;

/// No interval is shorter, whatever a peer says (RFC 4028 §4).
const INTERVAL_SECS_MIN: u32 = 90;
/// The session ends so long before its interval does, or a third of it (§10).
const END_EARLY_SECS_MAX: u32 = 32;

/// The two of a request and its 2xx agreed on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    secs: u32,
    /// A side of the request.
    refresher: Refresher,
}

/// A session's clock.
#[derive(Default)]
pub(crate) struct SessionClock {
    timers: SessionTimers,
    running: Option<SessionSnapshot>,
    /// The largest Min-SE the peer told.
    min_secs: u32,
    refresh: Option<TimerId>,
    end: Option<TimerId>,
}

impl SessionClock {
    pub(crate) fn new(timers: SessionTimers) -> Self {
        Self { timers, ..Self::default() }
    }

    /// One that ran in another process.
    pub(super) fn restore(
        running: Option<SessionSnapshot>,
        min_secs: u32,
        key: CallKey,
        wire: &mut Wire,
    ) -> Self {
        let mut clock = Self { running, min_secs, ..Self::new(wire.config.session_timers) };
        clock.wind(key, wire);
        clock
    }

    pub(super) const fn running(&self) -> Option<SessionSnapshot> {
        self.running
    }

    pub(super) const fn min_secs(&self) -> u32 {
        self.min_secs
    }

    /// A 422: the interval has to be longer (§6). Whether it says how long.
    pub(super) fn lengthen(&mut self, response: &Message<'_>) -> bool {
        let Some(wanted) = min_se(response).filter(|wanted| *wanted > self.min_secs) else { return false };
        self.min_secs = wanted;
        if let Some(running) = &mut self.running {
            running.interval_secs = running.interval_secs.max(wanted);
        }
        true
    }

    /// Headers of the INVITE that sets the call up (§7.1).
    pub(super) fn ask(&self, writer: &mut Writer<'_>) {
        if let Some(secs) = self.timers.expires_secs {
            let secs = secs.max(self.min_secs).max(self.timers.min_secs).max(INTERVAL_SECS_MIN);
            let refresher = match self.timers.refresher {
                SessionRefresher::Caller => "",
                SessionRefresher::Us => ";refresher=uac",
                SessionRefresher::Peer => ";refresher=uas",
            };
            writer.header(HeaderName::SessionExpires, format_args!("{secs}{refresher}"));
        }
        self.write_min_se(writer);
    }

    /// Headers of a refresh of ours (§7.4).
    pub(super) fn ask_again(&self, writer: &mut Writer<'_>) {
        if let Some(running) = self.running {
            let refresher = if running.we_refresh { Refresher::Uac } else { Refresher::Uas };
            let value = format_args!("{};refresher={}", running.interval_secs, refresher.as_str());
            writer.header(HeaderName::SessionExpires, value);
        }
        self.write_min_se(writer);
    }

    fn write_min_se(&self, writer: &mut Writer<'_>) {
        let least = self.min_secs.max(self.timers.min_secs);
        if least > INTERVAL_SECS_MIN {
            writer.header(HeaderName::MinSe, least);
        }
    }

    /// What our 2xx to a request says (§9); 422 if the peer asks for less than we take.
    pub(crate) fn agree(&self, request: &Message<'_>) -> Result<Option<Agreed>, Refusal> {
        let config = self.timers;
        let is_timer = |tag: &[u8]| tag.eq_ignore_ascii_case(b"timer");
        let supports = request.elements(HeaderName::Supported).any(is_timer)
            || request.elements(HeaderName::Require).any(is_timer);
        let least = config.min_secs.max(INTERVAL_SECS_MIN);
        let theirs = min_se(request).unwrap_or_default().max(least);
        let Some(asked) = SessionExpires::of(request) else {
            return Ok(self.unasked(supports, theirs));
        };
        if asked.secs < least {
            // Who does not know the extension does not know 422 either (§9): then there is no timer.
            return if supports {
                Err(Refusal::code(422).with_header("Min-SE", least.to_string()))
            } else {
                Ok(None)
            };
        }
        let secs = config.expires_secs.map_or(asked.secs, |ours| asked.secs.min(ours.max(theirs)));
        let refresher = match asked.refresher {
            _ if !supports => Refresher::Uas,
            Some(refresher) => refresher,
            None if config.refresher == SessionRefresher::Us => Refresher::Uas,
            None => Refresher::Uac,
        };
        Ok(Some(Agreed { secs, refresher }))
    }

    /// The request asks for no timer: what runs goes on, else ours begins.
    fn unasked(&self, supports: bool, theirs: u32) -> Option<Agreed> {
        if !supports {
            return None;
        }
        if let Some(running) = self.running {
            let refresher = if running.we_refresh { Refresher::Uas } else { Refresher::Uac };
            return Some(Agreed { secs: running.interval_secs, refresher });
        }
        let refresher = match self.timers.refresher {
            SessionRefresher::Peer => Refresher::Uac,
            SessionRefresher::Caller | SessionRefresher::Us => Refresher::Uas,
        };
        self.timers.expires_secs.map(|ours| Agreed { secs: ours.max(theirs), refresher })
    }

    /// We sent a 2xx to a request that is no less than a refresh.
    pub(super) fn start_as_uas(
        &mut self,
        agreed: Option<Agreed>,
        key: CallKey,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        self.running = agreed.map(|agreed| SessionSnapshot {
            interval_secs: agreed.secs,
            we_refresh: agreed.refresher == Refresher::Uas,
            since: now,
        });
        self.wind(key, wire);
    }

    /// A 2xx came to a request of ours that is no less than a refresh. Without Session-Expires there is no timer (§7.2).
    pub(super) fn start_as_uac(
        &mut self,
        response: &Message<'_>,
        key: CallKey,
        wire: &mut Wire,
        now: Timestamp,
    ) {
        self.running = SessionExpires::of(response).map(|agreed| SessionSnapshot {
            interval_secs: agreed.secs.max(INTERVAL_SECS_MIN),
            we_refresh: agreed.refresher != Some(Refresher::Uas),
            since: now,
        });
        self.wind(key, wire);
    }

    /// The refresh could not be sent, or failed for now.
    pub(super) fn try_later(&mut self, pause: Duration, key: CallKey, wire: &mut Wire, now: Timestamp) {
        wire.timers.cancel(self.refresh.take());
        if self.running.is_some_and(|running| running.we_refresh) {
            self.refresh = Some(wire.set(now + pause, Timer::SessionRefresh(key)));
        }
    }

    fn wind(&mut self, key: CallKey, wire: &mut Wire) {
        self.stop(wire);
        let Some(SessionSnapshot { interval_secs, we_refresh, since }) = self.running else { return };
        let early = END_EARLY_SECS_MAX.min(interval_secs / 3);
        let end = Duration::from_secs(u64::from(interval_secs - early));
        self.end = Some(wire.set(since + end, Timer::SessionEnd(key)));
        if we_refresh {
            let half = Duration::from_secs(u64::from(interval_secs)) / 2;
            self.refresh = Some(wire.set(since + half, Timer::SessionRefresh(key)));
        }
    }

    pub(super) fn stop(&mut self, wire: &mut Wire) {
        wire.timers.cancel(self.refresh.take());
        wire.timers.cancel(self.end.take());
    }
}

/// Headers of our 2xx (§9).
pub(super) fn write_agreed(agreed: Option<Agreed>, writer: &mut Writer<'_>) {
    let Some(agreed) = agreed else { return };
    if agreed.refresher == Refresher::Uac {
        writer.header(HeaderName::Require, "timer");
    }
    let value = format_args!("{};refresher={}", agreed.secs, agreed.refresher.as_str());
    writer.header(HeaderName::SessionExpires, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(
        running: Option<SessionSnapshot>,
        config: SessionTimers,
        headers: &str,
    ) -> Result<Option<(u32, &'static str)>, u16> {
        let text = format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n");
        let message = Message::parse(text.as_bytes()).unwrap();
        let clock = SessionClock { running, ..SessionClock::new(config) };
        let agreed = clock.agree(&message).map_err(|refusal| refusal.code)?;
        Ok(agreed.map(|agreed| (agreed.secs, agreed.refresher.as_str())))
    }

    #[test]
    fn the_callee_agrees_as_rfc_4028_table_2_says() {
        let check = |headers: &str, wanted| {
            assert_eq!(agree(None, SessionTimers::default(), headers), wanted, "{headers}");
        };
        check("", Ok(None));
        check("Supported: timer\r\n", Ok(Some((1_800, "uas"))));
        check("Supported: timer\r\nMin-SE: 3600\r\n", Ok(Some((3_600, "uas"))));
        check("Supported: 100rel, timer\r\nSession-Expires: 600\r\n", Ok(Some((600, "uac"))));
        check("k: timer\r\nx: 600;refresher=uas\r\n", Ok(Some((600, "uas"))));
        check("Require: timer\r\nSession-Expires: 600;refresher=uac\r\n", Ok(Some((600, "uac"))));
        check("Session-Expires: 600;refresher=uac\r\n", Ok(Some((600, "uas"))));
        check("Supported: timer\r\nSession-Expires: 7200\r\n", Ok(Some((1_800, "uac"))));
        check("Supported: timer\r\nSession-Expires: 7200\r\nMin-SE: 3600\r\n", Ok(Some((3_600, "uac"))));
        check("Supported: timer\r\nSession-Expires: 60\r\n", Err(422));
        check("Session-Expires: 60\r\n", Ok(None));
        let none = SessionTimers { expires_secs: None, min_secs: 120, ..SessionTimers::default() };
        assert_eq!(agree(None, none, "Supported: timer\r\n"), Ok(None));
        assert_eq!(
            agree(None, none, "Supported: timer\r\nSession-Expires: 7200\r\n"),
            Ok(Some((7_200, "uac")))
        );
        assert_eq!(agree(None, none, "Supported: timer\r\nSession-Expires: 100\r\n"), Err(422));
    }

    #[test]
    fn who_refreshes_is_ours_to_choose_where_the_peer_leaves_it_open() {
        let check = |refresher, headers: &str, wanted| {
            let timers = SessionTimers { refresher, ..SessionTimers::default() };
            let got = agree(None, timers, headers).map(|agreed| agreed.map(|(_, side)| side));
            assert_eq!(got, Ok(Some(wanted)), "{refresher:?} {headers}");
        };
        let open = "Supported: timer\r\nSession-Expires: 600\r\n";
        check(SessionRefresher::Caller, open, "uac");
        check(SessionRefresher::Peer, open, "uac");
        check(SessionRefresher::Us, open, "uas");
        check(SessionRefresher::Us, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", "uac");
        check(SessionRefresher::Peer, "Supported: timer\r\n", "uac");
        check(SessionRefresher::Us, "Supported: timer\r\n", "uas");
    }

    #[test]
    fn what_we_ask_for_names_the_refresher_we_want() {
        let check = |refresher, min_secs, wanted: &str| {
            let timers = SessionTimers { expires_secs: Some(600), min_secs, refresher };
            let mut lines = Vec::new();
            SessionClock::new(timers).ask(&mut Writer::fragment(&mut lines));
            assert_eq!(String::from_utf8(lines).unwrap(), wanted);
        };
        check(SessionRefresher::Caller, 90, "Session-Expires: 600\r\n");
        check(SessionRefresher::Us, 90, "Session-Expires: 600;refresher=uac\r\n");
        check(SessionRefresher::Peer, 900, "Session-Expires: 900;refresher=uas\r\nMin-SE: 900\r\n");
    }

    #[test]
    fn a_request_that_asks_for_nothing_leaves_what_runs() {
        for (we_refresh, wanted) in [(true, "uas"), (false, "uac")] {
            let running =
                Some(SessionSnapshot { interval_secs: 500, we_refresh, since: Timestamp::from_millis(0) });
            let got = agree(running, SessionTimers::default(), "Supported: timer\r\n");
            assert_eq!(got, Ok(Some((500, wanted))));
        }
    }
}
