//! The listening engines as a call meets them: the real program on what the real voices say over the telephone, programs
//! that misbehave, none at all, and a server that answers well, slowly, wrongly or not.

#![cfg(test)]
#![allow(clippy::indexing_slicing, reason = "a test that panics has failed")]

use audio::decode::ClipLimits;
use bytes::Bytes;
use model::Secret;
use ports::speech::{SpokenSound, SttRequest};
use ports::{Egress, EgressError, EgressRequest, EgressResponse, Stt, SttError, Tts, Utterance};
use speech::{OfflineConfig, OfflineTts, OpenAiConfig, OpenAiStt, PocketSphinx, PocketSphinxConfig};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn pocketsphinx(dir: &Path) -> PocketSphinx {
    // Patience for a busy machine; no test waits this long.
    PocketSphinx::new(PocketSphinxConfig {
        work_dir: dir.to_owned(),
        timeout: Duration::from_secs(120),
        ..PocketSphinxConfig::default()
    })
}

/// What a voice says, as it comes over the telephone: 8 kHz, µ-law, with a pause before and after it.
async fn telephone(dir: &Path, voice: &str, text: &str) -> Vec<i16> {
    let config = OfflineConfig {
        work_dir: dir.to_owned(),
        timeout: Duration::from_secs(60),
        ..OfflineConfig::default()
    };
    let utterance =
        Utterance { text: text.to_owned(), locale: "en-US".to_owned(), voice: Some(voice.to_owned()) };
    let wav = OfflineTts::new(config).speak(&utterance).await.unwrap();
    let clip = audio::read_clip_at(&wav, &ClipLimits::default(), 8_000).unwrap();
    let mut octets = vec![0; clip.samples.len()];
    audio::g711::encode(audio::Law::Mu, &clip.samples, &mut octets);
    let mut heard = vec![0; clip.samples.len()];
    audio::g711::decode(audio::Law::Mu, &octets, &mut heard);
    let mut samples = vec![0; 2_400];
    samples.extend(heard);
    samples.extend([0; 6_400]);
    samples
}

fn request(samples: Vec<i16>, channels: u8, hints: &[&str], single: bool) -> SttRequest {
    SttRequest {
        sound: SpokenSound { rate_hz: 8_000, channels, samples: samples.into() },
        locale: "en-US".to_owned(),
        hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
        single,
    }
}

#[tokio::test]
async fn what_is_expected_is_understood_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let stt = pocketsphinx(dir.path());
    assert_eq!(stt.check().await, Vec::<String>::new());
    let digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let menu = ["yes", "no", "sales", "talk to sales"];
    let cases: [(&str, &str, &[&str]); 6] = [
        ("rms", "one two three four", &digits),
        ("slt", "seven eight nine zero", &digits),
        ("slt", "yes", &menu),
        ("rms", "no", &menu),
        ("awb", "talk to sales", &menu),
        ("kal16", "sales", &menu),
    ];
    for (voice, text, hints) in cases {
        let samples = telephone(dir.path(), voice, text).await;
        let transcript = stt.transcribe(&request(samples, 1, hints, true)).await.unwrap();
        assert_eq!(transcript.text().expose(), text, "{voice}");
        let confidence = transcript.confidence().unwrap();
        assert!((0.15..=1.0).contains(&confidence), "{voice}, {text}: {confidence}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing stays behind");
}

#[tokio::test]
async fn what_is_not_expected_is_taken_for_none_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let stt = pocketsphinx(dir.path());
    let samples = telephone(dir.path(), "rms", "maybe later").await;
    let expected = stt.transcribe(&request(samples, 1, &["sales", "support"], true)).await.unwrap();
    assert_eq!(expected.text().expose(), "maybe later");
    let silence = stt.transcribe(&request(vec![0; 16_000], 1, &["sales"], true)).await.unwrap();
    assert_eq!(silence.text().expose(), "");
}

#[tokio::test]
async fn a_recording_of_two_becomes_their_utterances_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let stt = pocketsphinx(dir.path());
    let (left, right) = (
        telephone(dir.path(), "rms", "what time is it").await,
        telephone(dir.path(), "rms", "maybe later").await,
    );
    // The second speaks after the first.
    let mut stereo: Vec<i16> = left.iter().flat_map(|sample| [*sample, 0]).collect();
    stereo.extend(right.iter().flat_map(|sample| [0, *sample]));
    let transcript = stt.transcribe(&request(stereo, 2, &[], false)).await.unwrap();
    let said: Vec<(u8, &str)> =
        transcript.segments.iter().map(|one| (one.speaker, one.text.expose().as_str())).collect();
    assert_eq!(said, [(0, "what time is it"), (1, "maybe later")]);
    let [first, second] = &transcript.segments[..] else { panic!("{transcript:?}") };
    let turn_ms = u32::try_from(left.len() / 8).unwrap();
    assert!(first.start_ms < first.end_ms && first.end_ms <= turn_ms, "{first:?}");
    assert!(second.start_ms >= turn_ms - 200 && second.end_ms > second.start_ms, "{second:?}");
    let silence = stt.transcribe(&request(vec![0; 80_000], 1, &[], false)).await.unwrap();
    assert_eq!(silence.segments, []);
}

/// A program that runs `script`, and what becomes of one utterance.
async fn with_program(script: &str) -> (SttError, Duration) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("engine");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = PocketSphinxConfig {
        program: path,
        work_dir: dir.path().to_owned(),
        timeout: Duration::from_millis(300),
        ..PocketSphinxConfig::default()
    };
    let begun = Instant::now();
    let understood = PocketSphinx::new(config).transcribe(&request(vec![0; 800], 1, &[], true)).await;
    (understood.unwrap_err(), begun.elapsed())
}

#[tokio::test]
async fn programs_that_hang_or_fail_are_errors_in_time() {
    let (error, took) = with_program("sleep 60").await;
    assert_eq!(error, SttError::Failed("it took longer than 0.3 s".to_owned()));
    assert!(took < Duration::from_secs(20), "{took:?}");
    let (error, _) = with_program("echo 'ERROR: no model' > log; exit 1").await;
    assert_eq!(error, SttError::Failed("ERROR: no model".to_owned()));
    let (error, _) = with_program("exit 3").await;
    assert_eq!(error, SttError::Failed("exit status: 3".to_owned()));
}

#[tokio::test]
async fn what_is_not_installed_or_not_known_is_named_with_its_remedy() {
    let config = PocketSphinxConfig { program: PathBuf::from("/nowhere/sphinx"), ..Default::default() };
    let stt = PocketSphinx::new(config);
    let [warning] = &stt.check().await[..] else { panic!("one warning is enough") };
    assert!(warning.contains("apt-get install pocketsphinx"), "{warning}");
    let error = stt.transcribe(&request(vec![0; 800], 1, &[], true)).await.unwrap_err();
    assert!(matches!(error, SttError::NotInstalled { engine: "pocketsphinx", .. }), "{error}");
    let german = SttRequest { locale: "de-DE".to_owned(), ..request(vec![0; 800], 1, &[], true) };
    let error = stt.transcribe(&german).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no speech engine of this server understands de-DE; it understands: English (en-US)"
    );
}

type Answer = Result<(u16, &'static str), EgressError>;

/// A server that keeps what it is asked and always answers the same.
struct Server {
    answer: Answer,
    asked: Mutex<Vec<EgressRequest>>,
}

#[async_trait::async_trait]
impl Egress for Server {
    fn check(&self, _url: &str) -> Result<(), EgressError> {
        Ok(())
    }

    async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        self.asked.lock().unwrap().push(request);
        let (status, body) = self.answer.clone()?;
        let body = Bytes::from_static(body.as_bytes());
        Ok(EgressResponse { status, retry_after_s: None, content_type: None, body, body_cut: false })
    }
}

fn server(answer: Answer) -> (OpenAiStt, Arc<Server>) {
    let server = Arc::new(Server { answer, asked: Mutex::default() });
    let config = OpenAiConfig {
        url: "http://127.0.0.1:9/v1/".to_owned(),
        key: Some(Secret::new("sk-hush".to_owned())),
        model: "whisper-1".to_owned(),
        timeout: Duration::from_secs(7),
        concurrency: 1,
        queue_max: 1,
    };
    (OpenAiStt::new(config, server.clone()), server)
}

#[tokio::test]
async fn a_server_is_asked_by_a_form_and_its_answer_is_read() {
    let (stt, server) = server(Ok((200, r#"{"text":" Yes, please."}"#)));
    let asked = request(vec![1_000; 8_000], 1, &["yes", "no"], true);
    let transcript = stt.transcribe(&asked).await.unwrap();
    assert_eq!(transcript.text().expose(), "Yes, please.");
    let requests = server.asked.lock().unwrap();
    let sent = &requests[0];
    assert_eq!(sent.url, "http://127.0.0.1:9/v1/audio/transcriptions");
    assert_eq!(sent.timeout, Duration::from_secs(7));
    assert_eq!(sent.headers[1].1.expose(), "Bearer sk-hush");
    let boundary = sent.headers[0].1.expose().strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = sent.body.clone().unwrap();
    let text = String::from_utf8_lossy(&body);
    for field in ["model\"\r\n\r\nwhisper-1", "language\"\r\n\r\nen", "prompt\"\r\n\r\nyes, no"] {
        assert!(text.contains(&format!("name=\"{field}\r\n--{boundary}\r\n")), "{field}");
    }
    let at = body.windows(4).position(|bytes| bytes == b"RIFF").unwrap();
    let wav = &body[at..body.len() - boundary.len() - 8];
    assert!(body.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
    assert_eq!(wav.len(), 44 + 16_000);
    assert!(!format!("{requests:?}").contains("hush"));
}

#[tokio::test]
async fn a_server_that_fails_is_an_error_in_words() {
    let cases: [(Answer, &str); 6] = [
        (Ok((500, "oops")), "the speech engine failed: the listening server answered 500"),
        (Ok((401, "")), "the speech engine failed: the listening server refuses the server's key (401)"),
        (Ok((429, "")), "too much speech is waiting to be understood"),
        (Ok((200, "<html>")), "the speech engine failed: the listening server's answer is no transcript"),
        (Ok((200, "{}")), "the speech engine failed: the listening server's answer is no transcript"),
        (
            Err(EgressError::Timeout(Duration::from_secs(7))),
            "the speech engine failed: the listening server did not answer within 7 s",
        ),
    ];
    for (answer, words) in cases {
        let (stt, _) = server(answer);
        let error = stt.transcribe(&request(vec![0; 800], 1, &[], true)).await.unwrap_err();
        assert_eq!(error.to_string(), words);
    }
}
