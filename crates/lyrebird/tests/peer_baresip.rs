//! baresip answers our calls: it hears exactly what we play, and ffprobe reads what we record.

#![cfg(test)]

use audio::correlate::align;
use audio::decode::{ClipLimits, read_clip};
use serde_json::{Value, json};
use std::path::Path;
use testkit::{Baresip, Server, prompt, run, wav};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+4930100000";
const THEIRS: &str = "+4930200000";
const RATE_HZ: usize = 8_000;
/// Furthest a recording may begin from where its prompt does.
const OFFSET_MAX: usize = 3 * RATE_HZ;

fn sound_of(seconds: u32) -> Vec<i16> {
    prompt(7, 8_000, seconds)
}

fn samples_of(wav: &[u8]) -> Vec<i16> {
    let clip = read_clip(wav, &ClipLimits::default()).expect("the wav can be read");
    assert_eq!(clip.rate_hz, 8_000);
    clip.samples
}

/// A call to a baresip that has answered; `flow` runs.
async fn call(flow: Value, folder: impl FnOnce(&Path)) -> (Server, Baresip, String) {
    let callee = Baresip::answering(THEIRS).await;
    let server = Server::start(BINARY).await;
    folder(&server.media_folder());
    server.connect(callee.addr(), &json!({}), OURS).await;
    let call = server.live().place(&json!({ "from": OURS, "to": THEIRS, "flow": flow })).await;
    (server, callee, call)
}

#[tokio::test]
async fn what_we_play_is_what_is_heard() {
    let sound = sound_of(3);
    let flow = json!([
        { "command": "playback", "media": ["prompt.wav"] },
        { "command": "pause", "lengthMs": 1_000 },
        { "command": "hangup" },
    ]);
    let put = |folder: &Path| {
        std::fs::write(folder.join("prompt.wav"), wav(8_000, &sound)).expect("a file can be written")
    };
    let (server, callee, call) = call(flow, put).await;
    let ended = server.live().wait_for_end(&call).await;
    let story = server.live().story(&call).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("hangup")), "{story}");
    let heard = callee.heard().await;
    let found = align(&sound, &samples_of(&heard[0]), OFFSET_MAX).expect("something was heard");
    assert!(found.similarity > 0.95, "{found:?}\n{story}");
}

#[tokio::test]
async fn what_is_said_is_heard() {
    let flow = json!([
        { "command": "say", "text": "The quick brown fox jumps over the lazy dog." },
        { "command": "pause", "lengthMs": 1_000 },
        { "command": "hangup" },
    ]);
    let (server, callee, call) = call(flow, |_| ()).await;
    server.live().wait_for_end(&call).await;
    let heard = samples_of(&callee.heard().await[0]);
    let loud =
        heard.chunks(160).filter(|frame| frame.iter().any(|sample| sample.unsigned_abs() > 1_000)).count();
    let story = server.live().story(&call).await;
    assert!(loud > 50, "only {loud} frames of 20 ms are loud\n{story}");
}

#[tokio::test]
async fn ffprobe_reads_what_we_record() {
    let sound = sound_of(3);
    let put = |folder: &Path| {
        std::fs::write(folder.join("prompt.wav"), wav(8_000, &sound)).expect("a file can be written")
    };
    // The callee sends back what it hears, so that its side of the recording is our prompt again.
    let (server, callee, call) = call(Value::Null, put).await;
    let live = server.live();
    live.wait_for_status(&call, "in_progress").await;
    live.command(&call, &json!({ "type": "start_recording" })).await.expect(200);
    live.command(&call, &json!({ "type": "play_audio", "url": "prompt.wav" })).await.expect(200);
    let played = |line: &Value| {
        line["kind"] == "flow"
            && line["summary"].as_str().is_some_and(|s| s.contains("play_audio: completed"))
    };
    live.wait_for_line(&call, "that the prompt was played", played).await;
    live.command(&call, &json!({ "type": "stop_recording" })).await.expect(200);
    live.command(&call, &json!({ "type": "hangup" })).await.expect(200);
    live.wait_for_end(&call).await;
    drop(callee);
    let recordings = live.wait_for_recordings(&call).await;
    let file = live.recording_file(&recordings[0]).await;
    assert_eq!(json!(file.len()), recordings[0]["fileSize"]);
    let seconds = check_by_ffprobe(&file).await;
    assert!(
        (seconds - recordings[0]["duration"].as_f64().unwrap_or_default()).abs() < 0.05,
        "{recordings:#?}"
    );
    assert!((2.9..5.0).contains(&seconds), "{seconds}");
    let found = align(&sound, &samples_of(&file), OFFSET_MAX).expect("it is not silent");
    // Both sides are in it, a moment apart, so that it is like the prompt but not the prompt.
    assert!(found.similarity > 0.4, "{found:?}");
}

#[tokio::test]
async fn ffprobe_reads_what_a_persona_said() {
    let server = Server::start(BINARY).await;
    let flow =
        json!([{ "command": "record", "lengthMsMax": 2_000, "silenceMs": 60_000 }, { "command": "hangup" }]);
    let test = server.test();
    let order = json!({ "from": OURS, "to": "+15005550000", "flow": flow,
        "metadata": { "sandbox": { "text": "This is a message of some length for the recording." } } });
    let call = test.place(&order).await;
    test.wait_for_end(&call).await;
    let recordings = test.wait_for_recordings(&call).await;
    let file = test.recording_file(&recordings[0]).await;
    let seconds = check_by_ffprobe(&file).await;
    assert!((1.9..2.2).contains(&seconds), "{seconds}");
    let loud = samples_of(&file).iter().filter(|sample| sample.unsigned_abs() > 1_000).count();
    assert!(loud > 1_000, "the persona is not heard: {loud}");
}

/// ffprobe must call it a wav of 8 kHz mono PCM; gives its length in seconds.
async fn check_by_ffprobe(file: &[u8]) -> f64 {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("recording");
    std::fs::write(&path, file).expect("it takes a file");
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_entries"]);
    command.arg("stream=codec_name,sample_rate,channels:format=format_name,duration").arg(&path);
    let output = run(command, "ffmpeg").await;
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let probed: Value = serde_json::from_str(&output.stdout).expect("ffprobe prints JSON");
    let stream = &probed["streams"][0];
    let shown = (
        &stream["codec_name"],
        &stream["sample_rate"],
        &stream["channels"],
        &probed["format"]["format_name"],
    );
    assert_eq!(shown, (&json!("pcm_s16le"), &json!("8000"), &json!(1), &json!("wav")), "{probed:#}");
    probed["format"]["duration"].as_str().and_then(|text| text.parse().ok()).expect("a duration")
}
