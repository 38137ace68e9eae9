//! What was measured of a call (contract §2.6), and the parts of it that stand with the call itself (§2.5).

use super::Door;
use super::commands::CallPath;
use super::error::BirdError;
use super::scope::{call_of, workspace_and_channel};
use super::view::CallView;
use crate::http::ask::{Ask, PathIds};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::call::{Call, Mode};
use model::fault::Fault;
use model::sound::{Codec, MediaFigures};
use model::tenant::Principal;
use model::timeline::TIMELINE_ENTRIES_MAX;
use serde::Serialize;
use serde_json::json;
use story::{DigitWay, Insights, Line};

/// What this door calls the carrier of test calls.
const SANDBOX: &str = "sandbox";
/// Of the call's own fields, those that insights do not have.
const LEFT_OUT: [&str; 8] =
    ["originator", "receiver", "notification", "callFlow", "amdResult", "tags", "reason", "sipInsights"];

/// `GET …/calls/{callId}/insights`.
pub(crate) async fn get(
    State(door): State<Door>,
    PathIds((workspace, channel, call)): CallPath,
    ask: Ask,
) -> Result<Response, BirdError> {
    workspace_and_channel(&door, ask.who(), &workspace, &channel).await?;
    let call = call_of(&door, ask.who(), &channel, &call).await?;
    ask.query()?.finish()?;
    let found = of(&door, ask.who(), &call).await?;
    let mut shown = json!(CallView::new(&call));
    if let Some(fields) = shown.as_object_mut() {
        fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
        fields.insert("signallingMetrics".into(), json!(SignallingView::new(&call, &found)));
        let media = found.figures.map(|figures| MediaView::new(&call, &found, figures));
        fields.extend(media.map(|media| ("mediaMetrics".to_owned(), json!(media))));
    }
    Ok(Json(shown).into_response())
}

/// What the call's timeline tells of it.
pub(crate) async fn of(door: &Door, who: Principal, call: &Call) -> Result<Insights, Fault> {
    let entries = door.engine.timeline(who, call.id, 0, TIMELINE_ENTRIES_MAX).await?;
    let lines: Vec<Line> =
        entries.into_iter().map(|stored| Line { index: stored.index, entry: stored.entry }).collect();
    Ok(story::insights(call, &lines))
}

/// `qualityInsights` of a call: texts, the delay in milliseconds.
#[derive(Serialize)]
pub(crate) struct QualityView {
    #[serde(skip_serializing_if = "Option::is_none")]
    mos: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pdd: Option<String>,
}

impl QualityView {
    /// None where nothing was measured.
    pub(crate) fn new(found: &Insights) -> Option<Self> {
        let mos = found.figures.and_then(|figures| figures.mos).map(|mos| format!("{mos:.2}"));
        let pdd = found.post_dial_delay.map(|delay| delay.as_millis().to_string());
        (mos.is_some() || pdd.is_some()).then_some(Self { mos, pdd })
    }
}

/// `sipInsights` of a call, and the larger part of `signallingMetrics`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SipView {
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_sip_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_signalling_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_media_ip: Option<String>,
}

impl SipView {
    /// Of a call and what was found of it.
    pub(crate) fn new(call: &Call, found: &Insights) -> Self {
        Self {
            hangup_sip_code: call.end.as_ref().and_then(|end| end.cause.code).map(|code| code.to_string()),
            provider_name: (call.mode == Mode::Test).then_some(SANDBOX),
            user_agent: found.user_agent.clone(),
            remote_signalling_ip: found.remote_signalling.map(|ip| ip.to_string()),
            remote_media_ip: found.remote_media.map(|ip| ip.to_string()),
        }
    }
}

#[derive(Serialize)]
struct SignallingView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pdd: Option<u64>,
    #[serde(flatten)]
    sip: SipView,
}

impl SignallingView {
    fn new(call: &Call, found: &Insights) -> Self {
        let pdd = found.post_dial_delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        // The code stands with the call.
        Self { pdd, sip: SipView { hangup_sip_code: None, ..SipView::new(call, found) } }
    }
}

/// `mediaMetrics`: milliseconds, rates from 0 to 1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MediaView {
    #[serde(skip_serializing_if = "Option::is_none")]
    mos: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality_score: Option<f64>,
    in_bytes: u64,
    out_bytes: u64,
    in_packet_count: u64,
    out_packet_count: u64,
    in_media_packet_count: u64,
    out_media_packet_count: u64,
    in_dtmf_packet_count: u64,
    out_dtmf_packet_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter_min_var: Option<f64>,
    jitter_max_var: f64,
    jitter_loss_rate: f64,
    jitter_burst_rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_interval: Option<f64>,
    flaw_total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_codec_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_codec_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_codec_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_codec_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dtmf_type: Option<&'static str>,
}

impl MediaView {
    fn new(call: &Call, found: &Insights, figures: MediaFigures) -> Self {
        let expected = figures.received_packets + figures.lost_packets;
        let share = |count: u64| if expected == 0 { 0.0 } else { rounded(count as f64 / expected as f64) };
        let mos = figures.mos.map(f64::from);
        let codec = found.codec.or(figures.codec);
        let (name, rate) = (codec.map(codec_name), codec.map(Codec::sample_rate_hz));
        let heard_ms = call.duration().map(|span| span.as_secs_f64() * 1_000.0);
        let heard_ms = heard_ms.filter(|_| figures.received_packets > 0);
        Self {
            mos: mos.map(rounded),
            // The share of the scale from 1 to 4.5 that the call reached, in per cent.
            quality_score: mos.map(|mos| rounded(((mos - 1.0) / 3.5 * 100.0).clamp(0.0, 100.0))),
            in_bytes: figures.received_bytes,
            out_bytes: figures.sent_bytes,
            in_packet_count: figures.received_packets,
            out_packet_count: figures.sent_packets,
            in_media_packet_count: figures.received_packets.saturating_sub(figures.received_event_packets),
            out_media_packet_count: figures.sent_packets.saturating_sub(figures.sent_event_packets),
            in_dtmf_packet_count: figures.received_event_packets,
            out_dtmf_packet_count: figures.sent_event_packets,
            jitter_min_var: found.jitter_min_ms.map(|jitter| rounded(jitter.into())),
            jitter_max_var: rounded(figures.jitter_max_ms.into()),
            jitter_loss_rate: share(figures.lost_packets + figures.late_packets),
            jitter_burst_rate: share(figures.loss_bursts),
            mean_interval: heard_ms.map(|span| rounded(span / figures.received_packets as f64)),
            flaw_total: figures.lost_packets + figures.late_packets,
            read_codec_name: name,
            read_codec_rate: rate,
            write_codec_name: name,
            write_codec_rate: rate,
            dtmf_type: found.digits.map(|way| match way {
                DigitWay::Events => "rfc2833",
                DigitWay::Tones => "inband",
            }),
        }
    }
}

/// As signalling writes it.
const fn codec_name(codec: Codec) -> &'static str {
    match codec {
        Codec::Pcmu => "PCMU",
        Codec::Pcma => "PCMA",
        Codec::G722 => "G722",
        Codec::Opus => "OPUS",
    }
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::call::Direction;
    use model::{AppId, CallId, IdSource, Pii, Timestamp};
    use std::time::Duration;

    #[test]
    fn figures_become_the_contracts_names() {
        let at = Timestamp::from_millis(0);
        let mut ids = IdSource::new(1);
        let (id, app) = (CallId::generate(&mut ids, at), AppId::generate(&mut ids, at));
        let number = || Pii::new("+15550100".to_owned());
        let mut call = Call::new(id, app, Mode::Test, Direction::Outbound, number(), number(), at);
        (call.answered_at, call.ended_at) = (Some(at), Some(at + Duration::from_secs(20)));
        let figures = MediaFigures {
            received_packets: 980,
            lost_packets: 20,
            loss_bursts: 5,
            received_event_packets: 30,
            mos: Some(4.0),
            ..MediaFigures::default()
        };
        let found = Insights {
            post_dial_delay: Some(Duration::from_millis(350)),
            codec: Some(Codec::G722),
            digits: Some(DigitWay::Events),
            ..Insights::default()
        };
        let shown = json!(MediaView::new(&call, &found, figures));
        let check = |name: &str, expected: serde_json::Value| assert_eq!(shown[name], expected, "{name}");
        check("inMediaPacketCount", json!(950));
        check("jitterLossRate", json!(0.02));
        check("jitterBurstRate", json!(0.005));
        check("meanInterval", json!(20.4082));
        check("qualityScore", json!(85.7143));
        check("readCodecName", json!("G722"));
        check("readCodecRate", json!(16_000));
        check("dtmfType", json!("rfc2833"));
        let quality = QualityView::new(&Insights { figures: Some(figures), ..found });
        assert_eq!(json!(quality), json!({ "mos": "4.00", "pdd": "350" }));
    }
}
