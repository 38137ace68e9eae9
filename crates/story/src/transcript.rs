//! A transcript in the forms that people and players read: JSON, SubRip (`.srt`), WebVTT (`.vtt`) and plain text. Pure.

use model::speech::{Segment, Transcript};
use serde_json::{Value, json};
use std::fmt::Write;

/// The whole transcript with all that is known, times in seconds.
pub fn to_json(transcript: &Transcript) -> Value {
    let segments: Vec<Value> = transcript
        .segments
        .iter()
        .map(|segment| {
            let mut one = json!({
                "start": seconds(segment.start_ms),
                "end": seconds(segment.end_ms),
                "speaker": segment.speaker,
                "text": segment.text,
            });
            if let (Some(confidence), Some(one)) = (segment.confidence, one.as_object_mut()) {
                one.insert("confidence".to_owned(), rounded(confidence));
            }
            one
        })
        .collect();
    let mut all = json!({ "text": transcript.text(), "segments": segments });
    if let (Some(confidence), Some(all)) = (transcript.confidence(), all.as_object_mut()) {
        all.insert("confidence".to_owned(), rounded(confidence));
    }
    all
}

/// SubRip: numbered cues, times with a comma.
pub fn to_srt(transcript: &Transcript) -> String {
    let named = has_speakers(transcript);
    let mut file = String::new();
    for (at, segment) in transcript.segments.iter().enumerate() {
        let (start, end) = cue(segment);
        let speaker = if named { format!("Speaker {}: ", segment.speaker + 1) } else { String::new() };
        // A line of its own, or an arrow, would begin another cue.
        let text = one_line(segment.text.expose()).replace("-->", "->");
        let (start, end) = (clock(start, ','), clock(end, ','));
        let _ = write!(file, "{}\n{start} --> {end}\n{speaker}{text}\n\n", at + 1);
    }
    file
}

/// WebVTT (W3C): cues with voice spans where there is more than one speaker.
pub fn to_vtt(transcript: &Transcript) -> String {
    let named = has_speakers(transcript);
    let mut file = "WEBVTT\n\n".to_owned();
    for segment in &transcript.segments {
        let (start, end) = cue(segment);
        let speaker = if named { format!("<v Speaker {}>", segment.speaker + 1) } else { String::new() };
        let text = one_line(segment.text.expose());
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let (start, end) = (clock(start, '.'), clock(end, '.'));
        let _ = write!(file, "{start} --> {end}\n{speaker}{text}\n\n");
    }
    file
}

/// A line an utterance.
pub fn to_txt(transcript: &Transcript) -> String {
    let named = has_speakers(transcript);
    let mut file = String::new();
    for segment in &transcript.segments {
        let speaker = if named { format!("Speaker {}: ", segment.speaker + 1) } else { String::new() };
        let _ = writeln!(file, "{speaker}{}", one_line(segment.text.expose()));
    }
    file
}

fn has_speakers(transcript: &Transcript) -> bool {
    transcript.segments.iter().any(|segment| segment.speaker > 0)
}

/// A cue lasts at least a millisecond.
fn cue(segment: &Segment) -> (u32, u32) {
    (segment.start_ms, segment.end_ms.max(segment.start_ms.saturating_add(1)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1_000.0
}

fn rounded(confidence: f32) -> Value {
    json!((f64::from(confidence) * 1_000.0).round() / 1_000.0)
}

/// `01:02:03,456`.
fn clock(ms: u32, separator: char) -> String {
    let (s, ms) = (ms / 1_000, ms % 1_000);
    format!("{:02}:{:02}:{:02}{separator}{ms:03}", s / 3_600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(segments: &[(u32, u32, u8, &str, Option<f32>)]) -> Transcript {
        let segment = |&(start_ms, end_ms, speaker, text, confidence): &(u32, u32, u8, &str, Option<f32>)| {
            Segment { start_ms, end_ms, speaker, text: text.to_owned().into(), confidence }
        };
        Transcript { segments: segments.iter().map(segment).collect() }
    }

    #[test]
    fn two_speakers_in_all_forms() {
        let two = transcript(&[
            (1_240, 2_100, 0, "hello <you> & me", Some(0.5)),
            (3_723_004, 3_723_004, 1, "bye\n\n7\n00:00 --> 00:01", None),
        ]);
        let srt = "1\n00:00:01,240 --> 00:00:02,100\nSpeaker 1: hello <you> & me\n\n\
                   2\n01:02:03,004 --> 01:02:03,005\nSpeaker 2: bye 7 00:00 -> 00:01\n\n";
        let vtt = "WEBVTT\n\n00:00:01.240 --> 00:00:02.100\n<v Speaker 1>hello &lt;you&gt; &amp; me\n\n\
                   01:02:03.004 --> 01:02:03.005\n<v Speaker 2>bye 7 00:00 --&gt; 00:01\n\n";
        assert_eq!(to_srt(&two), srt);
        assert_eq!(to_vtt(&two), vtt);
        assert_eq!(to_txt(&two), "Speaker 1: hello <you> & me\nSpeaker 2: bye 7 00:00 --> 00:01\n");
        let json = to_json(&two);
        let first =
            json!({ "start": 1.24, "end": 2.1, "speaker": 0, "text": "hello <you> & me", "confidence": 0.5 });
        assert_eq!(json["segments"][0], first);
        assert_eq!(json["confidence"], json!(0.5));
    }

    #[test]
    fn one_speaker_is_not_named_and_nothing_is_nothing() {
        let one = transcript(&[(0, 900, 0, " yes  please ", None)]);
        assert_eq!(to_srt(&one), "1\n00:00:00,000 --> 00:00:00,900\nyes please\n\n");
        assert_eq!(to_txt(&one), "yes please\n");
        assert!(to_json(&one).get("confidence").is_none());
        let none = transcript(&[]);
        assert_eq!(
            (to_srt(&none).as_str(), to_vtt(&none).as_str(), to_txt(&none).as_str()),
            ("", "WEBVTT\n\n", "")
        );
        assert_eq!(to_json(&none), json!({ "text": "", "segments": [] }));
    }
}
