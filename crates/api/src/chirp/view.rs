//! Objects as this door shows them: names, types, order and nulls of the contract (§1.2, §1.7).

use super::ids;
use model::Timestamp;
use model::call::{Call, CallStatus, Channel, Direction, EndReason, Mode};
use model::recording::{Recording, RecordingStatus};
use serde::Serialize;
use serde_json::{Map, Value};

/// §1.2's call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallView<'a> {
    id: String,
    app_id: String,
    direction: &'static str,
    status: &'static str,
    from_address: &'a str,
    to_address: &'a str,
    from_channel: &'static str,
    to_channel: &'static str,
    duration: Option<u64>,
    end_reason: Option<&'static str>,
    metadata: &'a Map<String, Value>,
    livekit_room_name: Option<String>,
    started_at: Option<String>,
    answered_at: Option<String>,
    ended_at: Option<String>,
    created_at: String,
}

impl<'a> CallView<'a> {
    pub(crate) fn new(call: &'a Call) -> Self {
        Self {
            id: ids::call(call),
            app_id: ids::app(call.app),
            direction: direction(call.direction),
            status: status(call.status),
            from_address: call.from.expose(),
            to_address: call.to.expose(),
            from_channel: channel(call.from_channel),
            to_channel: channel(call.to_channel),
            duration: seconds(call),
            end_reason: call.end.as_ref().map(|end| end_reason(end.reason)),
            metadata: &call.metadata,
            livekit_room_name: None,
            started_at: call.started_at.map(Timestamp::to_rfc3339_millis),
            answered_at: call.answered_at.map(Timestamp::to_rfc3339_millis),
            ended_at: call.ended_at.map(Timestamp::to_rfc3339_millis),
            created_at: call.created_at.to_rfc3339_millis(),
        }
    }
}

/// Whole seconds from answer to end, rounded.
pub(crate) fn seconds(call: &Call) -> Option<u64> {
    call.duration_s()
}

/// The door's words for a direction, and back.
pub(crate) const DIRECTIONS: &[(&str, Direction)] =
    &[("inbound", Direction::Inbound), ("outbound", Direction::Outbound)];

/// The door's word of a table for `value`. Every table has every value.
fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, meaning)| meaning == value).map_or("", |(word, _)| word)
}

/// The door's word.
pub(crate) fn direction(direction: Direction) -> &'static str {
    word(DIRECTIONS, &direction)
}

/// The door's words for a channel.
pub(crate) const CHANNELS: &[(&str, Channel)] =
    &[("pstn", Channel::Pstn), ("whatsapp", Channel::Whatsapp), ("webrtc", Channel::Webrtc)];

/// The door's word.
pub(crate) fn channel(channel: Channel) -> &'static str {
    word(CHANNELS, &channel)
}

/// The door's words for a status.
pub(crate) const STATUSES: &[(&str, CallStatus)] = &[
    ("scheduled", CallStatus::Scheduled),
    ("initiated", CallStatus::Initiated),
    ("ringing", CallStatus::Ringing),
    ("in_progress", CallStatus::InProgress),
    ("voicemail", CallStatus::Voicemail),
    ("completed", CallStatus::Completed),
    ("failed", CallStatus::Failed),
    ("busy", CallStatus::Busy),
    ("no_answer", CallStatus::NoAnswer),
    ("canceled", CallStatus::Canceled),
];

/// The door's word.
pub(crate) fn status(status: CallStatus) -> &'static str {
    word(STATUSES, &status)
}

/// The door's word.
pub(crate) const fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Hangup => "hangup",
        EndReason::Rejected => "rejected",
        EndReason::Busy => "busy",
        EndReason::NoAnswer => "no_answer",
        EndReason::Canceled => "canceled",
        EndReason::Failed => "failed",
        EndReason::MaxDuration => "max_duration",
        EndReason::MediaTimeout => "media_timeout",
        EndReason::Voicemail => "voicemail",
        EndReason::MachineHangup => "machine_hangup",
        EndReason::NodeLost => "node_lost",
        EndReason::ServerShutdown => "server_shutdown",
    }
}

/// §1.7's recording.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordingView {
    id: String,
    call_id: String,
    status: &'static str,
    format: &'static str,
    duration: Option<f64>,
    file_url: Option<String>,
    file_size: Option<u64>,
    started_at: String,
    ended_at: Option<String>,
    created_at: String,
}

impl RecordingView {
    pub(crate) fn new(recording: &Recording, mode: Mode, public_url: &str) -> Self {
        let id = ids::recording(recording.id, mode);
        let there = recording.status == RecordingStatus::Completed;
        Self {
            file_url: there.then(|| format!("{public_url}/v1/calls/recordings/{id}/file")),
            id,
            call_id: ids::call_of(recording.call, mode),
            status: recording_status(recording.status),
            format: recording.format.name(),
            duration: recording.duration_ms.map(|ms| f64::from(ms) / 1_000.0),
            file_size: recording.bytes,
            started_at: recording.started_at.to_rfc3339_millis(),
            ended_at: recording.ended_at.map(Timestamp::to_rfc3339_millis),
            created_at: recording.started_at.to_rfc3339_millis(),
        }
    }
}

const fn recording_status(status: RecordingStatus) -> &'static str {
    match status {
        // The contract has no word for a pause.
        RecordingStatus::Recording | RecordingStatus::Paused => "recording",
        RecordingStatus::Processing => "processing",
        RecordingStatus::Completed => "completed",
        RecordingStatus::Failed => "failed",
    }
}

/// A part of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListView<T> {
    pub(crate) data: Vec<T>,
    pub(crate) total_count: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_word() {
        use CallStatus::{
            Busy, Canceled, Completed, Failed, InProgress, Initiated, NoAnswer, Ringing, Voicemail,
        };
        let statuses =
            [Initiated, Ringing, InProgress, Voicemail, Completed, Failed, Busy, NoAnswer, Canceled]
                .map(status);
        let channels = [Channel::Pstn, Channel::Whatsapp, Channel::Webrtc].map(channel);
        let directions = [Direction::Inbound, Direction::Outbound].map(direction);
        let words: Vec<_> = statuses.iter().chain(&channels).chain(&directions).collect();
        assert!(words.iter().all(|word| !word.is_empty()), "{words:?}");
    }
}
