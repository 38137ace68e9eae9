//! What was measured of a call, gathered from its timeline. What no line tells stays empty.

use crate::Line;
use crate::message::{Message, Start};
use model::call::{Call, Direction};
use model::sound::{Codec, MediaFigures};
use model::timeline::TimelineKind;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What is known of a call's signalling and sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Insights {
    /// From the first INVITE to the first answer that says where the call stands, of an outbound call.
    pub post_dial_delay: Option<Duration>,
    /// What the far side says it is.
    pub user_agent: Option<String>,
    /// Where signalling came from or went to.
    pub remote_signalling: Option<IpAddr>,
    /// Where sound was sent to.
    pub remote_media: Option<IpAddr>,
    /// The codec that was agreed last.
    pub codec: Option<Codec>,
    /// How digits travel, where sound was agreed.
    pub digits: Option<DigitWay>,
    /// The whole call's sound, or the last window's while it runs.
    pub figures: Option<MediaFigures>,
    /// The smallest interarrival jitter of a window, milliseconds.
    pub jitter_min_ms: Option<f32>,
}

/// How digits travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigitWay {
    /// As telephone events (RFC 4733).
    Events,
    /// As tones in the sound.
    Tones,
}

/// What the lines of a call's timeline tell.
pub fn insights(call: &Call, lines: &[Line]) -> Insights {
    let messages: Vec<Message<'_>> = lines.iter().filter_map(Message::of).collect();
    let agreed = lines
        .iter()
        .rev()
        .find(|line| line.entry.kind == TimelineKind::Sdp && line.entry.detail.get("codec").is_some());
    let windows: Vec<MediaFigures> = lines.iter().filter_map(figures).collect();
    let jitters =
        windows.iter().filter(|figures| figures.received_packets > 0).map(|figures| figures.jitter_ms);
    Insights {
        post_dial_delay: (call.direction == Direction::Outbound)
            .then(|| post_dial_delay(&messages))
            .flatten(),
        user_agent: user_agent(&messages),
        remote_signalling: messages.last().map(|message| message.peer.ip()),
        remote_media: agreed
            .and_then(|line| text(line, "remote"))
            .and_then(|text| text.parse::<SocketAddr>().map(|address| address.ip()).ok()),
        codec: agreed.and_then(|line| text(line, "codec")).and_then(Codec::from_name),
        digits: agreed.map(|line| match line.entry.detail.get("dtmfPayloadType") {
            Some(payload_type) if !payload_type.is_null() => DigitWay::Events,
            _ => DigitWay::Tones,
        }),
        jitter_min_ms: jitters.reduce(f32::min),
        figures: windows.into_iter().last(),
    }
}

fn post_dial_delay(messages: &[Message<'_>]) -> Option<Duration> {
    let invite = messages.iter().find(|it| it.outgoing && it.start() == Some(Start::Request("INVITE")))?;
    let tells = |message: &&Message<'_>| {
        let status = matches!(message.start(), Some(Start::Response(status)) if status > 100);
        let of_invite = message.header("CSeq", "cseq").is_some_and(|cseq| cseq.ends_with("INVITE"));
        !message.outgoing && status && of_invite && !is_challenge(message)
    };
    messages.iter().find(tells).map(|answer| answer.at.since(invite.at))
}

/// Asked for a password, the INVITE goes out again: nothing is known of the callee yet.
fn is_challenge(message: &Message<'_>) -> bool {
    matches!(message.start(), Some(Start::Response(401 | 407)))
}

/// Its last word on what it is: an answering phone knows better than the proxy before it.
fn user_agent(messages: &[Message<'_>]) -> Option<String> {
    let named = messages.iter().rev().filter(|message| !message.outgoing);
    let mut named = named
        .filter_map(|it| it.header("User-Agent", "user-agent").or_else(|| it.header("Server", "server")));
    named.next().map(|name| name.chars().take(256).collect())
}

fn figures(line: &Line) -> Option<MediaFigures> {
    let told = line.entry.kind == TimelineKind::Media && line.entry.detail.get("receivedPackets").is_some();
    told.then(|| serde_json::from_value(line.entry.detail.clone()).ok()).flatten()
}

fn text<'a>(line: &'a Line, name: &str) -> Option<&'a str> {
    line.entry.detail.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::line;
    use model::Timestamp;
    use model::call::Mode;
    use model::timeline::TimelineEntry;
    use model::{AppId, CallId, IdSource, Pii};
    use serde_json::json;

    fn told(index: u32, kind: TimelineKind, detail: Value) -> Line {
        let mut line = line(index, 5_000, "→", "192.0.2.7:5060", "UDP", "");
        line.entry = TimelineEntry { kind, detail, ..line.entry };
        line
    }

    fn sound(index: u32, received: u64, jitter_ms: f32, total: bool) -> Line {
        let figures =
            MediaFigures { received_packets: received, jitter_ms, total, ..MediaFigures::default() };
        told(index, TimelineKind::Media, json!(figures))
    }

    fn call(direction: Direction) -> Call {
        let (mut ids, at) = (IdSource::new(1), Timestamp::default());
        let (id, app) = (CallId::generate(&mut ids, at), AppId::generate(&mut ids, at));
        let (from, to) = (Pii::new("+15550100".to_owned()), Pii::new("+15550101".to_owned()));
        Call::new(id, app, Mode::Live, direction, from, to, at)
    }

    #[test]
    fn what_was_measured_is_gathered_from_the_lines() {
        let answer = |status: &str, extra: &str| format!("SIP/2.0 {status}\r\nCSeq: 1 INVITE\r\n{extra}\r\n");
        let peer = "192.0.2.7:5060";
        let lines = [
            line(1, 1_000, "→", peer, "UDP", "INVITE sip:x SIP/2.0\r\nUser-Agent: Lyrebird\r\n\r\n"),
            line(2, 1_010, "←", peer, "UDP", &answer("100 Trying", "Server: proxy\r\n")),
            line(3, 1_020, "←", peer, "UDP", &answer("407 Proxy Authentication Required", "")),
            line(4, 1_350, "←", peer, "UDP", &answer("180 Ringing", "")),
            line(5, 2_000, "←", peer, "UDP", &answer("200 OK", "User-Agent: phone 7\r\n")),
            told(
                6,
                TimelineKind::Sdp,
                json!({ "codec": "g722", "remote": "198.51.100.4:4000", "dtmfPayloadType": 101 }),
            ),
            sound(7, 500, 3.0, false),
            sound(8, 400, 1.5, false),
            sound(9, 900, 2.0, true),
        ];
        let found = insights(&call(Direction::Outbound), &lines);
        assert_eq!(found.post_dial_delay, Some(Duration::from_millis(350)));
        assert_eq!(found.user_agent.as_deref(), Some("phone 7"));
        assert_eq!(found.remote_signalling, Some(IpAddr::from([192, 0, 2, 7])));
        assert_eq!(found.remote_media, Some(IpAddr::from([198, 51, 100, 4])));
        assert_eq!((found.codec, found.digits), (Some(Codec::G722), Some(DigitWay::Events)));
        assert_eq!(found.figures.map(|figures| figures.received_packets), Some(900));
        assert_eq!(found.jitter_min_ms, Some(1.5));
        assert_eq!(insights(&call(Direction::Inbound), &lines).post_dial_delay, None);
    }

    #[test]
    fn what_no_line_tells_stays_empty() {
        assert_eq!(insights(&call(Direction::Outbound), &[]), Insights::default());
    }
}
