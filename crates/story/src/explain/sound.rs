//! Rules about the sound: what was not heard and why, loss, jitter, delay, hold, digits.

use super::facts::{Facts, Figures, word};
use super::finding::{Finding, Rule, Severity};
use super::signalling::reason;
use crate::Line;
use model::call::EndReason;
use model::timeline::TimelineKind;
use std::net::{IpAddr, SocketAddr};

pub(super) const RULES: &[Rule] = &[
    nothing_heard,
    nothing_sent,
    stopped,
    silent,
    no_agreement,
    on_hold,
    lossy,
    uneven,
    late,
    far_away,
    poor,
    strangers,
    early_sound,
];

/// Quieter than any line's noise.
const SILENCE_DBFS: f64 = -65.0;

/// What was measured over an answered call.
fn measured<'a>(facts: &Facts<'a>) -> Option<(&'a Line, Figures<'a>)> {
    facts.call.answered_at?;
    facts.totals()
}

/// The last agreement that reads the direction in which the far side does not send.
fn closed_direction<'a>(facts: &Facts<'a>, closed: &[&str]) -> Option<(&'a Line, &'a str)> {
    let last = facts.agreements().last()?;
    let direction = word(last, "direction")?;
    closed.contains(&direction).then_some((last, direction))
}

fn nothing_heard(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    if figures.count("receivedPackets") > 0 {
        return Vec::new();
    }
    let finding =
        Finding::new(Severity::Problem, "far_side_not_heard", "nothing was ever heard of the far side");
    let finding = if let Some((agreed, direction)) = closed_direction(facts, &["sendonly", "inactive"]) {
        finding
            .because(format!(
                "the agreement about the sound is {direction}, seen from here: the far side does not send"
            ))
            .remedy("The far side holds the call or has no sound to send; nothing is wrong here.")
            .shown_by([agreed, line])
    } else if figures.count("foreignPackets") > 0 {
        let told = remote(facts).map(|remote| format!(" {remote}")).unwrap_or_default();
        finding
            .because(format!(
                "{} packets came from another address than the one that the far side described{told}, and were refused",
                figures.count("foreignPackets")
            ))
            .remedy("The far side is behind address translation and describes a wrong address: let it use its public one.")
            .shown_by([line])
    } else if let Some((agreed, remote)) = private_remote(facts) {
        finding
            .because(format!("no packet came; the far side describes {remote}, a private address"))
            .remedy("Neither side finds the other: the far side should describe its public address.")
            .shown_by([agreed, line])
    } else {
        finding
            .because("not one packet of sound arrived")
            .remedy("Let UDP in to the ports of `rtp.ports`, and advertise the address that the far side can reach.")
            .shown_by([line])
    };
    vec![finding]
}

fn nothing_sent(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    if figures.count("sentPackets") > 0 {
        return Vec::new();
    }
    let finding = Finding::new(Severity::Problem, "nothing_sent", "the far side never heard us");
    vec![match closed_direction(facts, &["recvonly", "inactive"]) {
        Some((agreed, direction)) => finding
            .because(format!(
                "the agreement about the sound is {direction}, seen from here: it allows us no sound"
            ))
            .remedy("The far side holds the call; it hears us once it resumes.")
            .shown_by([agreed, line]),
        None => finding.because("not one packet was sent").shown_by([line]),
    }]
}

fn stopped(facts: &Facts<'_>) -> Vec<Finding> {
    let ended = facts.call.end.as_ref().is_some_and(|end| end.reason == EndReason::MediaTimeout);
    let lines: Vec<_> = facts
        .of_kind(TimelineKind::Media)
        .filter(|line| line.entry.summary.starts_with("no sound for "))
        .collect();
    let Some(first) = lines.first() else { return Vec::new() };
    let after = facts.since_start(first.entry.at);
    let severity = if ended { Severity::Problem } else { Severity::Warning };
    let finding = Finding::new(
        severity,
        "sound_stopped",
        "the far side's sound stopped while the call went on",
    )
    .because(format!("{}, noticed {after:.1} s into the call", first.entry.summary))
    .remedy("The far side crashed or lost its network; `rtp.silence_limit_ms` says how long that is borne.");
    vec![finding.shown_by(lines)]
}

fn silent(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let Some(level) = figures.measure("receivedLevelDbfs") else { return Vec::new() };
    if figures.count("receivedPackets") == 0 || level > SILENCE_DBFS {
        return Vec::new();
    }
    // Who presses keys and says nothing is well connected.
    if facts.of_kind(TimelineKind::Dtmf).next().is_some() {
        return Vec::new();
    }
    let finding = Finding::new(
        Severity::Warning,
        "far_side_silent",
        "packets came from the far side, but they were silent",
    )
    .because(format!("their loudness was {level:.0} dBFS over the whole call"))
    .remedy("Its microphone is muted, or its own network lost the sound before it reached us.");
    vec![finding.shown_by([line])]
}

fn no_agreement(facts: &Facts<'_>) -> Vec<Finding> {
    let lines = facts.of_kind(TimelineKind::Sdp);
    let refused = lines.filter(|line| line.entry.detail.get("codec").is_none() && !reason(line).is_empty());
    refused
        .map(|line| {
            Finding::new(Severity::Problem, "no_sound_agreed", "the two sides found no common sound")
                .because(reason(line))
                .remedy("Give the trunk the codecs (and encryption) that the far side speaks.")
                .shown_by([line])
        })
        .collect()
}

fn on_hold(facts: &Facts<'_>) -> Vec<Finding> {
    let held: Vec<_> = facts
        .agreements()
        .filter(|line| word(line, "direction").is_some_and(|direction| direction != "sendrecv"))
        .collect();
    let Some(first) = held.first().filter(|_| facts.call.answered_at.is_some()) else { return Vec::new() };
    let after = facts.since_start(first.entry.at);
    let direction = word(first, "direction").unwrap_or_default();
    let finding =
        Finding::new(Severity::Hint, "on_hold", format!("from {after:.1} s on sound did not go both ways"))
            .because(format!("the agreement about the sound was {direction}, seen from here"));
    vec![finding.shown_by(held)]
}

fn lossy(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let loss = figures.loss_percent();
    let severity = match loss {
        loss if loss >= 5.0 => Severity::Problem,
        loss if loss >= 1.0 => Severity::Warning,
        _ => return Vec::new(),
    };
    let finding = Finding::new(
        severity,
        "packets_lost",
        format!("{loss:.1} % of the far side's sound was lost on the way"),
    )
    .because(format!("{} packets are missing", figures.count("lostPackets")))
    .remedy("Look at the network path, at Wi-Fi first; Opus bears loss better than G.711.");
    vec![finding.shown_by([line])]
}

fn uneven(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let Some(jitter) = figures.measure("jitterMaxMs").filter(|jitter| *jitter > 50.0) else {
        return Vec::new();
    };
    let finding = Finding::new(Severity::Warning, "uneven_packets", "the far side's packets came unevenly")
        .because(format!("jitter reached {jitter:.0} ms"))
        .remedy("A crowded link or a busy sender; the jitter buffer pays for it with delay.");
    vec![finding.shown_by([line])]
}

fn late(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let (late, received) = (figures.count("latePackets"), figures.count("receivedPackets"));
    if received == 0 || late * 100 < received {
        return Vec::new();
    }
    let finding = Finding::new(Severity::Warning, "packets_late", "sound came too late to be used")
        .because(format!("{late} of {received} packets missed their moment"))
        .remedy("The delay of the network changes more than the jitter buffer follows.");
    vec![finding.shown_by([line])]
}

fn far_away(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let Some(trip) = figures.measure("roundTripMs").filter(|trip| *trip > 300.0) else { return Vec::new() };
    let finding = Finding::new(Severity::Warning, "long_delay", "people will talk over each other")
        .because(format!("sound takes {trip:.0} ms there and back"))
        .remedy("A server nearer to the far side, or another carrier, shortens it.");
    vec![finding.shown_by([line])]
}

fn poor(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let heard = figures.count("receivedPackets") > 0;
    let Some(mos) = figures.measure("mos").filter(|mos| heard && *mos < 3.6) else { return Vec::new() };
    let finding = Finding::new(Severity::Warning, "poor_quality", "the far side sounded poor")
        .because(format!("estimated quality {mos:.1} of 4.5 (G.107)"))
        .remedy("See the findings about loss, jitter and delay.");
    vec![finding.shown_by([line])]
}

fn strangers(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((line, figures)) = measured(facts) else { return Vec::new() };
    let foreign = figures.count("foreignPackets");
    if foreign == 0 || figures.count("receivedPackets") == 0 {
        return Vec::new();
    }
    let finding =
        Finding::new(Severity::Hint, "foreign_packets", "somebody else sent packets to this call's port")
            .because(format!("{foreign} packets from other addresses were refused"))
            .remedy(
                "Late packets of an earlier call, or a stranger who tries ports; neither reaches the call.",
            );
    vec![finding.shown_by([line])]
}

fn early_sound(facts: &Facts<'_>) -> Vec<Finding> {
    let lines: Vec<_> = facts
        .of_kind(TimelineKind::Call)
        .filter(|line| line.entry.detail.get("earlyMedia").and_then(serde_json::Value::as_bool) == Some(true))
        .collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let finding = Finding::new(Severity::Hint, "early_media", "sound came before the answer")
        .because("the carrier opened the sound while it rang: a ring tone or an announcement of its own");
    vec![finding.shown_by(lines)]
}

/// Where the far side said its sound lives.
fn remote(facts: &Facts<'_>) -> Option<SocketAddr> {
    word(facts.agreements().last()?, "remote")?.parse().ok()
}

/// The same where it is a private address and the far side's messages come from a public one.
fn private_remote<'a>(facts: &Facts<'a>) -> Option<(&'a Line, SocketAddr)> {
    let line = facts.agreements().last()?;
    let remote: SocketAddr = word(line, "remote")?.parse().ok()?;
    let signalling = facts.requests("INVITE", true).chain(facts.requests("INVITE", false)).next()?.1.peer;
    (is_private(remote.ip()) && !is_private(signalling.ip())).then_some((line, remote))
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}
