//! Timelines as scripts, and what is said of them.

#![allow(clippy::needless_pass_by_value, reason = "a script is told once and handed over")]

use super::*;
use crate::message::tests::line;
use model::call::{CallEnd, CallStatus, Direction, EndReason, EndSource, Mode};
use model::leg::ReleaseCause;
use model::timeline::TimelineKind;
use model::{AppId, CallId, IdSource, Pii, Timestamp};
use serde_json::{Value, json};

const PEER: &str = "198.51.100.7:5060";

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// An outbound call accepted at 0, answered and ended as told.
fn call(answered_ms: Option<u64>, reason: EndReason, source: EndSource, code: Option<u16>) -> Call {
    let mut ids = IdSource::new(1);
    let cause = ReleaseCause { code, phrase: "as told".into(), ..ReleaseCause::default() };
    let (id, app) = (CallId::generate(&mut ids, at(0)), AppId::generate(&mut ids, at(0)));
    let (from, to) = (Pii::new("+15550100".into()), Pii::new("+15550101".into()));
    Call {
        status: CallStatus::Completed,
        started_at: Some(at(1)),
        answered_at: answered_ms.map(at),
        ended_at: Some(at(10_000)),
        end: Some(CallEnd { reason, source, cause }),
        ..Call::new(id, app, Mode::Live, Direction::Outbound, from, to, at(0))
    }
}

fn talked() -> Call {
    call(Some(1_000), EndReason::Hangup, EndSource::Callee, None)
}

fn refused(code: u16) -> Call {
    call(None, EndReason::Failed, EndSource::System, Some(code))
}

/// A story being told: each line gets the next place.
#[derive(Default)]
struct Script(Vec<Line>);

impl Script {
    fn sip(mut self, at_ms: u64, arrow: &str, text: &str) -> Self {
        let text = text.replace('|', "\r\n");
        self.0.push(line(self.place(), at_ms, arrow, PEER, "UDP", &format!("{text}\r\n\r\n")));
        self
    }

    fn again(mut self) -> Self {
        self.0.last_mut().unwrap().entry.detail["again"] = json!(true);
        self
    }

    fn note(mut self, at_ms: u64, kind: TimelineKind, summary: &str, detail: Value) -> Self {
        let mut told = line(self.place(), at_ms, "→", PEER, "UDP", "");
        told.entry.kind = kind;
        told.entry.summary = summary.to_owned();
        told.entry.detail = detail;
        self.0.push(told);
        self
    }

    fn invite(self) -> Self {
        self.sip(10, "→", "INVITE sip:a@b SIP/2.0|Via: SIP/2.0/UDP 203.0.113.5:5060|CSeq: 1 INVITE")
    }

    fn told(self, at_ms: u64, code: u16) -> Self {
        self.sip(at_ms, "←", &format!("SIP/2.0 {code} x|CSeq: 1 INVITE"))
    }

    fn agreed(self, direction: &str, remote: &str) -> Self {
        let detail = json!({ "codec": "PCMU", "ptimeMs": 20, "direction": direction, "remote": remote });
        self.note(1_000, TimelineKind::Sdp, "Agreed", detail)
    }

    fn totals(self, figures: Value) -> Self {
        let mut all = json!({
            "receivedPackets": 400, "sentPackets": 400, "lostPackets": 0, "latePackets": 0, "foreignPackets": 0,
            "jitterMaxMs": 3.0, "mos": 4.4, "receivedLevelDbfs": -20.0, "total": true,
        });
        for (name, value) in figures.as_object().unwrap() {
            all[name] = value.clone();
        }
        self.note(9_900, TimelineKind::Media, "whole call", all)
    }

    fn webhook(self, sequence: u64, attempt: u64, status: Option<u64>, latency_ms: u64) -> Self {
        let detail = json!({
            "webhook": "w", "sequence": sequence, "attempt": attempt, "status": status,
            "error": status.is_none().then_some("connection refused"), "latencyMs": latency_ms,
        });
        self.note(2_000, TimelineKind::Webhook, "calls.x to h", detail)
    }

    /// A call that went well, to which one thing is added.
    fn good() -> Self {
        Self::default()
            .note(0, TimelineKind::Api, "request accepted: place an outbound call", Value::Null)
            .invite()
            .told(50, 180)
            .told(1_000, 200)
            .note(1_010, TimelineKind::Flow, "step 1: say", Value::Null)
    }

    fn place(&self) -> u32 {
        self.0.len() as u32 + 1
    }
}

/// Says of a story exactly these findings, by code.
fn check(call: &Call, script: Script, expected: &[&str]) -> Explanation {
    let told = explain(call, &script.0);
    let codes: Vec<_> = told.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, expected, "{}", told.to_text());
    for finding in &told.findings {
        let places: Vec<_> = script.0.iter().map(|line| line.index).collect();
        assert!(finding.lines.iter().all(|place| places.contains(place)), "{finding:?}");
    }
    told
}

#[test]
fn of_a_good_call_there_is_nothing_to_find() {
    let script = Script::good().agreed("sendrecv", "198.51.100.7:4000").totals(json!({}));
    let told = check(&talked(), script, &[]);
    assert_eq!(
        told.summary,
        "An outbound call was answered after 1.0 s and lasted 9.0 s; the callee ended it."
    );
    let text = told.to_text();
    assert!(
        text.contains(
            "Heard from the far side: 8.0 s of sound, 0.0 % lost, -20 dBFS loud, quality 4.4 of 4.5."
        )
    );
    assert!(text.contains("+  1.010  step 1: say"), "{text}");
}

#[test]
fn refusals_are_told_by_their_meaning() {
    for (code, expected) in [
        (486, "callee_busy"),
        (603, "callee_declined"),
        (401, "credentials_refused"),
        (403, "forbidden"),
        (404, "number_unknown"),
        (484, "number_incomplete"),
        (480, "callee_unreachable"),
        (488, "no_common_sound"),
        (483, "loop"),
        (503, "carrier_failure"),
    ] {
        check(&refused(code), Script::default().invite().told(60, code), &[expected]);
    }
    let redirected = Script::default().invite().told(60, 302);
    check(&refused(302), redirected, &["redirected"]);
}

#[test]
fn nobody_responds() {
    let script = Script::default().invite().invite().again().invite().again();
    let told = check(&call(None, EndReason::Failed, EndSource::System, None), script, &["no_response"]);
    let finding = &told.findings[0];
    assert_eq!(finding.lines, [1, 2, 3]);
    assert!(finding.what.contains(PEER) && finding.because.contains("3 times"), "{finding:?}");
}

#[test]
fn trouble_on_the_way_to_an_answer() {
    let totals = || json!({});
    let lost = Script::default().invite().invite().again().told(600, 200).note(
        1,
        TimelineKind::Flow,
        "s",
        Value::Null,
    );
    check(&talked(), lost.totals(totals()), &["messages_lost"]);
    let slow = Script::default().invite().told(6_000, 180).note(1, TimelineKind::Flow, "s", Value::Null);
    check(&talked(), slow.totals(totals()), &["slow_setup"]);
    let soon = call(Some(9_000), EndReason::Hangup, EndSource::Callee, None);
    let bye = Script::good().totals(totals()).sip(9_990, "←", "BYE sip:x SIP/2.0|CSeq: 2 BYE");
    check(&soon, bye, &["hung_up_at_once"]);
    let unconfirmed = Script::default().sip(20, "→", "SIP/2.0 200 OK|CSeq: 1 INVITE");
    let mut inbound = call(None, EndReason::Failed, EndSource::System, None);
    inbound.direction = Direction::Inbound;
    check(&inbound, unconfirmed, &["answer_not_confirmed"]);
    let refer = Script::good().totals(totals()).sip(5_000, "←", "REFER sip:x SIP/2.0|CSeq: 3 REFER").sip(
        5_001,
        "→",
        "SIP/2.0 603 Decline|CSeq: 3 REFER",
    );
    check(&talked(), refer, &["transfer_asked"]);
    let undialled =
        Script::default().note(5, TimelineKind::Call, "not dialled: the trunk is full", Value::Null);
    check(&call(None, EndReason::Failed, EndSource::System, None), undialled, &["not_dialled"]);
}

#[test]
fn ends_of_our_own_making() {
    for (reason, expected) in [
        (EndReason::MaxDuration, "max_duration"),
        (EndReason::NodeLost, "server_ended_call"),
        (EndReason::ServerShutdown, "server_ended_call"),
    ] {
        check(
            &call(Some(1_000), reason, EndSource::System, None),
            Script::good().totals(json!({})),
            &[expected],
        );
    }
    let rang = Script::default().invite().told(50, 180);
    check(&call(None, EndReason::NoAnswer, EndSource::Timeout, Some(487)), rang, &["no_answer"]);
}

#[test]
fn why_the_far_side_was_not_heard() {
    let nothing = || json!({ "receivedPackets": 0, "mos": null });
    let heard = |script: Script, because: &str| {
        let told = check(&talked(), script, &["far_side_not_heard"]);
        assert!(told.findings[0].because.contains(because), "{:?}", told.findings);
        assert!(told.to_text().contains("Heard from the far side: nothing."));
    };
    let script = || Script::good().agreed("sendrecv", "198.51.100.7:4000");
    heard(script().totals(nothing()), "not one packet");
    heard(
        script().totals(json!({ "receivedPackets": 0, "foreignPackets": 9 })),
        "9 packets came from another",
    );
    heard(Script::good().agreed("sendrecv", "192.168.1.4:4000").totals(nothing()), "a private address");
    let held = Script::good().agreed("sendonly", "198.51.100.7:4000").totals(nothing());
    let told = check(&talked(), held, &["far_side_not_heard", "on_hold"]);
    assert!(told.findings[0].because.contains("sendonly"));
}

#[test]
fn sound_that_was_not_well() {
    for (figures, expected) in [
        (json!({ "sentPackets": 0 }), "nothing_sent"),
        (json!({ "receivedLevelDbfs": -90.0 }), "far_side_silent"),
        (json!({ "lostPackets": 40 }), "packets_lost"),
        (json!({ "jitterMaxMs": 80.0 }), "uneven_packets"),
        (json!({ "latePackets": 10 }), "packets_late"),
        (json!({ "roundTripMs": 450.0 }), "long_delay"),
        (json!({ "mos": 2.9 }), "poor_quality"),
        (json!({ "foreignPackets": 3 }), "foreign_packets"),
    ] {
        check(&talked(), Script::good().agreed("sendrecv", "198.51.100.7:4000").totals(figures), &[expected]);
    }
    let gone = call(Some(1_000), EndReason::MediaTimeout, EndSource::MediaTimeout, None);
    let stopped = Script::good().note(8_000, TimelineKind::Media, "no sound for 5000 ms", Value::Null);
    check(&gone, stopped.totals(json!({})), &["sound_stopped"]);
    let none =
        Script::good().note(900, TimelineKind::Sdp, "No sound", json!({ "reason": "no common codec" }));
    check(&talked(), none.totals(json!({})), &["no_sound_agreed"]);
    let early = Script::good().note(60, TimelineKind::Call, "rings", json!({ "earlyMedia": true }));
    check(&talked(), early.totals(json!({})), &["early_media"]);
}

#[test]
fn what_the_app_asked_for() {
    let flow = |summary: &str, detail| {
        Script::good().totals(json!({})).note(3_000, TimelineKind::Flow, summary, detail)
    };
    let failed = json!({ "command": "say", "status": "failed", "reason": "no voice" });
    check(&talked(), flow("say: failed", failed), &["command_failed"]);
    check(
        &talked(),
        flow("say: skipped", json!({ "command": "say", "status": "skipped" })),
        &["steps_skipped"],
    );
    check(&talked(), flow("gathered \"\"", json!({ "endedBy": "timeout" })), &["no_keys"]);
    check(&talked(), flow("gathered \"12\"", json!({ "endedBy": "timeout" })), &[]);
    let other =
        |kind, summary: &str, detail| Script::good().totals(json!({})).note(3_000, kind, summary, detail);
    check(
        &talked(),
        other(TimelineKind::Speech, "not ready: flite is missing: \"a\"", json!({})),
        &["prompt_not_ready"],
    );
    check(
        &talked(),
        other(TimelineKind::Speech, "900 ms of speech not understood: it broke", json!({})),
        &["not_understood"],
    );
    check(&talked(), other(TimelineKind::Speech, "ready", json!({ "latencyMs": 4_000 })), &["prompt_slow"]);
    check(&talked(), other(TimelineKind::Media, "keys not sent: busy", Value::Null), &["keys_not_sent"]);
    check(
        &talked(),
        other(TimelineKind::Recording, "recording failed", json!({ "status": "failed" })),
        &["recording_failed"],
    );
    check(
        &talked(),
        other(TimelineKind::Api, "request refused: say: too late", Value::Null),
        &["request_refused"],
    );
    let full = "the timeline is full (2000 entries): later steps are not shown";
    check(&talked(), other(TimelineKind::Call, full, Value::Null), &["timeline_full"]);
    let idle = Script::default().invite().told(50, 200).totals(json!({}));
    check(&talked(), idle, &["nothing_to_do"]);
}

#[test]
fn webhooks_that_did_not_arrive_or_late() {
    let script = || Script::good().totals(json!({}));
    check(&talked(), script().webhook(1, 1, Some(204), 12), &[]);
    let refused = script().webhook(1, 1, None, 3).webhook(1, 2, Some(500), 3);
    let told = check(&talked(), refused, &["webhook_not_delivered"]);
    assert!(told.findings[0].because.contains("answered 500 (2 attempts"), "{:?}", told.findings);
    check(&talked(), script().webhook(1, 1, Some(500), 3).webhook(1, 2, Some(200), 3), &["webhook_retried"]);
    check(&talked(), script().webhook(1, 1, Some(200), 3_000), &["webhook_slow"]);
    let off = script().note(1, TimelineKind::Webhook, "the webhook endpoint is disabled: gone", json!({}));
    check(&talked(), off, &["webhook_disabled"]);
}

#[test]
fn a_call_that_goes_on_is_told_so_far() {
    let mut going = talked();
    (going.end, going.ended_at) = (None, None);
    assert_eq!(explain(&going, &[]).summary, "An outbound call is answered and goes on.");
    going.answered_at = None;
    assert_eq!(explain(&going, &[]).summary, "An outbound call is being set up.");
}
