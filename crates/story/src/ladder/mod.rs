//! A call as a ladder: who takes part stands side by side, time runs downwards, each message is an arrow, and what
//! the server did itself stands on its own line. One self-contained SVG that follows the reader's light or dark taste.

mod drawing;
mod rung;

use crate::Line;
use drawing::Drawing;
use rung::{Party, Rung};
use std::net::SocketAddr;

/// Most far sides that get a line of their own; the rest share the last one.
const PEERS_MAX: usize = 6;

/// The ladder of a call's timeline. `title` stands above it.
pub fn ladder(title: &str, lines: &[Line]) -> String {
    let mut peers: Vec<SocketAddr> = Vec::new();
    let rungs: Vec<_> = lines.iter().map(|line| Rung::of(line, |peer| seat(&mut peers, peer))).collect();
    let hooked = rungs.iter().any(|rung| rung.touches(Party::App));
    Drawing::new(title, &peers, hooked).draw(&rungs)
}

/// The place of a far side among those that have a line.
fn seat(peers: &mut Vec<SocketAddr>, peer: SocketAddr) -> usize {
    if let Some(place) = peers.iter().position(|known| *known == peer) {
        return place;
    }
    if peers.len() < PEERS_MAX {
        peers.push(peer);
    }
    peers.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::line;
    use model::Timestamp;
    use model::timeline::TimelineKind;
    use serde_json::{Value, json};

    fn note(index: u32, at_ms: u64, kind: TimelineKind, summary: &str, detail: Value) -> Line {
        let mut line = line(index, at_ms, "→", "192.0.2.7:5060", "UDP", "");
        line.entry.kind = kind;
        line.entry.at = Timestamp::from_millis(at_ms);
        line.entry.summary = summary.to_owned();
        line.entry.detail = detail;
        line
    }

    fn call() -> Vec<Line> {
        vec![
            note(1, 1_000, TimelineKind::Api, "request accepted: place an outbound call", Value::Null),
            line(2, 1_010, "→", "192.0.2.7:5060", "UDP", "INVITE sip:a@192.0.2.7 SIP/2.0\r\n\r\n"),
            line(3, 1_020, "←", "192.0.2.7:5060", "UDP", "SIP/2.0 180 Ringing\r\n\r\n"),
            note(
                4,
                1_030,
                TimelineKind::Webhook,
                "calls.ringing to h: 200 in 3 ms",
                json!({ "status": 200 }),
            ),
            line(5, 4_020, "←", "192.0.2.7:5060", "UDP", "SIP/2.0 486 Busy <here> & \"now\"\r\n\r\n"),
            note(6, 4_030, TimelineKind::Call, "ended: busy \u{1}\u{fffe}", Value::Null),
        ]
    }

    /// Whether a text is well-formed as far as a drawing needs it: tags are closed, text is escaped.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        let mut rest = svg;
        while let Some(at) = rest.find('<') {
            let before = &rest[..at];
            assert!(!before.contains('&') || before.contains(';'), "a bare ampersand in {before:?}");
            let end = rest[at..].find('>').expect("a tag ends") + at;
            let tag = &rest[at + 1..end];
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "closes in order");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn every_message_and_step_has_its_place() {
        let svg = ladder("Call call_1 <to> a", &call());
        assert_well_formed(&svg);
        for expected in ["INVITE", "180 Ringing", "486 Busy", "192.0.2.7:5060", "calls.ringing", "+3.020"] {
            assert!(svg.contains(expected), "{expected} in {svg}");
        }
        assert!(svg.contains("Busy &lt;here&gt; &amp; &quot;now&quot;"));
        assert!(!svg.contains('\u{1}') && !svg.contains('\u{fffe}'), "no character that XML forbids");
    }

    #[test]
    fn a_message_that_was_seen_before_is_dashed() {
        let mut lines = call();
        assert!(!ladder("", &lines).contains(" again\""));
        lines[1].entry.detail["again"] = json!(true);
        assert!(ladder("", &lines).contains(" again\""));
    }

    #[test]
    fn a_ladder_without_rungs_and_one_with_many_peers_are_drawn() {
        assert_well_formed(&ladder("", &[]));
        let many: Vec<_> = (1..=40)
            .map(|n| line(n, n.into(), "→", &format!("192.0.2.{n}:5060"), "UDP", "BYE sip:x SIP/2.0\r\n\r\n"))
            .collect();
        let svg = ladder("", &many);
        assert_well_formed(&svg);
        assert!(svg.contains("192.0.2.6:5060") && !svg.contains(">192.0.2.7:5060<"));
    }
}
