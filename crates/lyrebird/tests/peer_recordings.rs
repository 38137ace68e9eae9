//! Recordings of real calls, as files that ffprobe plays: wav and mp3, whole and in ranges; and gone once deleted.

#![cfg(test)]

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, Server, run};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+15005559999";

/// A sandbox call of which two seconds were recorded; gives the recording.
async fn recorded(test: &Api) -> Value {
    let flow =
        json!([{ "command": "record", "lengthMsMax": 2_000, "silenceMs": 60_000 }, { "command": "hangup" }]);
    let order = json!({ "from": OURS, "to": "+15005550000", "flow": flow,
        "metadata": { "sandbox": { "text": "This is a message of some length for the recording." } } });
    let call = test.place(&order).await;
    test.wait_for_end(&call).await;
    test.wait_for_recordings(&call).await.remove(0)
}

/// What ffprobe says of a file: codec, rate, channels, seconds.
async fn probed(file: &[u8]) -> (String, String, u64, f64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("recording");
    std::fs::write(&path, file).expect("it takes a file");
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_entries"]);
    command.arg("stream=codec_name,sample_rate,channels:format=duration").arg(&path);
    let output = run(command, "ffmpeg").await;
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let probed: Value = serde_json::from_str(&output.stdout).expect("ffprobe prints JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let stream = &probed["streams"][0];
    let seconds = text(&probed["format"]["duration"]).parse().expect("a duration");
    let channels = stream["channels"].as_u64().unwrap_or_default();
    (text(&stream["codec_name"]), text(&stream["sample_rate"]), channels, seconds)
}

async fn ranged(test: &Api, path: &str, header: (&str, &str)) -> Answer {
    test.send(test.request(Method::GET, path).header(header.0, header.1)).await
}

#[tokio::test]
async fn a_recording_is_fetched_as_wav_and_mp3_whole_and_in_ranges() {
    let server = Server::start(BINARY).await;
    let test = server.test();
    let recording = recorded(&test).await;
    let path = format!("/v1/calls/recordings/{}/file", recording["id"].as_str().unwrap_or_default());
    let wav = test.get(&path).await;
    let (codec, rate, channels, seconds) = probed(&wav.bytes).await;
    assert_eq!((codec.as_str(), rate.as_str(), channels), ("pcm_s16le", "8000", 1));
    assert!((1.9..2.2).contains(&seconds), "{seconds}");

    let mp3_path = format!("{path}?format=mp3");
    let mp3 = test.get(&mp3_path).await;
    assert_eq!((mp3.status, mp3.header("content-type")), (200, "audio/mpeg"));
    let (codec, rate, channels, mp3_seconds) = probed(&mp3.bytes).await;
    assert_eq!((codec.as_str(), rate.as_str(), channels), ("mp3", "8000", 1));
    assert!((mp3_seconds - seconds).abs() < 0.2, "{mp3_seconds} of {seconds}");
    let clip = audio::read_clip(&mp3.bytes, &audio::ClipLimits::default()).expect("an mp3");
    assert!(clip.samples.iter().any(|sample| sample.unsigned_abs() > 1_000), "the persona is not heard");
    assert_eq!(test.get(&mp3_path).await.bytes, mp3.bytes);

    let whole = wav.bytes.len();
    let part = ranged(&test, &path, ("range", "bytes=44-143")).await;
    assert_eq!((part.status, &part.bytes[..]), (206, &wav.bytes[44..144]));
    assert_eq!(part.header("content-range"), format!("bytes 44-143/{whole}"));
    let last = ranged(&test, &path, ("range", "bytes=-10")).await;
    assert_eq!((last.status, &last.bytes[..]), (206, &wav.bytes[whole - 10..]));
    let beyond = ranged(&test, &path, ("range", "bytes=99999999-")).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{whole}").as_str()));
    let tag = wav.header("etag");
    assert_eq!(ranged(&test, &path, ("if-none-match", tag)).await.status, 304);
    let head = test.send(test.request(Method::HEAD, &path)).await;
    assert_eq!((head.status, head.header("content-length")), (200, whole.to_string().as_str()));
    assert_eq!((head.header("etag"), head.bytes.len()), (tag, 0));
}

#[tokio::test]
async fn a_deleted_recording_is_gone_with_its_files_also_after_a_restart() {
    let mut server = Server::start(BINARY).await;
    let test = server.test();
    let recording = recorded(&test).await;
    let path = format!("/v1/calls/recordings/{}", recording["id"].as_str().unwrap_or_default());
    test.get(&format!("{path}/file?format=mp3")).await.expect(200);
    let kept = server.data_dir().join("blobs");
    let files = || {
        let mut left = vec![kept.clone()];
        let mut files = 0;
        while let Some(dir) = left.pop() {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => left.push(entry.path()),
                    false => files += 1,
                }
            }
        }
        files
    };
    assert_eq!(files(), 2, "the wav and the mp3 file");
    test.delete(&path).await.expect(200);
    assert_eq!(files(), 0);
    for again in [false, true] {
        if again {
            assert!(server.terminate().await.success());
            server.restart().await;
        }
        let test = server.test();
        test.get(&path).await.expect(404);
        test.get(&format!("{path}/file")).await.expect(404);
        test.delete(&path).await.expect(404);
    }
}
