//! The offline engines as a call meets them: with the real programs, with stand-ins, and with none.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use ports::{Tts, TtsError, Utterance};
use speech::{OfflineConfig, OfflineTts};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn utterance(text: &str, locale: &str, voice: Option<&str>) -> Utterance {
    Utterance { text: text.to_owned(), locale: locale.to_owned(), voice: voice.map(str::to_owned) }
}

fn config(work_dir: &Path) -> OfflineConfig {
    // Patience for a busy machine; no test waits this long.
    OfflineConfig {
        work_dir: work_dir.to_owned(),
        timeout: Duration::from_secs(60),
        ..OfflineConfig::default()
    }
}

/// A program that runs `script` for every text and lists flite's or espeak-ng's voices.
fn stand_in(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("engine");
    let text = format!(
        "#!/bin/sh\nset -u\ncase \"$1\" in\n-lv) echo 'Voices available: slt'; exit;;\nesac\nlast() {{ for last; do :; done; echo \"$last\"; }}\nout=$(last \"$@\")\n{script}\n"
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

const SOUND: &str = "{ printf RIFF; head -c 1000 /dev/zero; } > \"$out\"";

/// Samples a second, and whether the sound is not all silence; by the wav header (RIFF, `fmt `, `data`).
fn look(wav: &[u8]) -> (u32, bool) {
    assert_eq!((&wav[..4], &wav[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
    let rate = u32::from_le_bytes(wav[24..28].try_into().unwrap());
    let loud = wav[44..].chunks_exact(2).any(|s| i16::from_le_bytes([s[0], s[1]]).abs() > 1_000);
    (rate, loud)
}

#[tokio::test]
async fn real_engines_speak() {
    let dir = tempfile::tempdir().unwrap();
    let tts = OfflineTts::new(config(dir.path()));
    assert_eq!(tts.check().await, Vec::<String>::new());
    let cases = [
        ("Hello, and welcome.", "en-US", None, 16_000),
        ("Hello, and welcome.", "en-GB", Some("kal"), 8_000),
        ("Hello", "en", Some("rms"), 16_000),
        ("Hello", "en-US", Some("English_(America)"), 22_050),
        ("Guten Tag, schöne Grüße.", "de-DE", None, 22_050),
        ("Bonjour", "fr-CA", None, 22_050),
        ("Buenos días", "es-MX", Some("es"), 22_050),
        ("您好", "zh-CN", None, 22_050),
        ("-v ../../etc/passwd \"; rm -rf / # $(id) <speak> 😀 one\u{0}two", "en-US", None, 16_000),
        ("--help", "de", None, 22_050),
    ];
    for (text, locale, voice, rate) in cases {
        let wav = tts.speak(&utterance(text, locale, voice)).await.unwrap();
        assert_eq!(look(&wav), (rate, true), "{text} {locale} {voice:?}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "working directories stay behind");
}

#[tokio::test]
async fn a_womans_and_a_mans_voice_are_spoken_in_any_language() {
    let dir = tempfile::tempdir().unwrap();
    let tts = OfflineTts::new(config(dir.path()));
    for locale in ["en-US", "de-DE"] {
        let female = tts.speak(&utterance("Hello", locale, Some("female"))).await.unwrap();
        let male = tts.speak(&utterance("Hello", locale, Some("male"))).await.unwrap();
        assert!(look(&female).1 && look(&male).1, "{locale}");
        assert_ne!(female, male, "{locale}");
    }
}

#[tokio::test]
async fn a_working_directory_may_be_named_from_where_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    std::env::set_current_dir(dir.path()).unwrap();
    std::fs::create_dir("scratch").unwrap();
    let tts = OfflineTts::new(config(std::path::Path::new("scratch")));
    for locale in ["en-US", "de-DE"] {
        assert!(look(&tts.speak(&utterance("Hello", locale, None)).await.unwrap()).1, "{locale}");
    }
}

#[tokio::test]
async fn what_cannot_be_spoken_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let tts = OfflineTts::new(config(dir.path()));
    let cases = [
        ("Hello", "en-US", Some("nobody"), TtsError::UnknownVoice("nobody".into())),
        ("Hello", "de-DE", Some("slt"), TtsError::UnknownVoice("slt".into())),
        ("Hello", "xx-YY", None, TtsError::UnknownLocale("xx-YY".into())),
        ("Hello", "", None, TtsError::UnknownLocale(String::new())),
        (" \t\n", "en-US", None, TtsError::Failed("the text is empty".into())),
    ];
    for (text, locale, voice, error) in cases {
        assert_eq!(tts.speak(&utterance(text, locale, voice)).await, Err(error), "{text} {locale} {voice:?}");
    }
    let long = "a ".repeat(2_049);
    assert!(matches!(tts.speak(&utterance(&long, "en-US", None)).await, Err(TtsError::Failed(_))));
}

async fn check_missing(flite: bool, espeak: bool, warnings: &[&str], english: &str, german: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    if !flite {
        config.flite = dir.path().join("no-flite");
    }
    if !espeak {
        config.espeak = dir.path().join("no-espeak");
    }
    let tts = OfflineTts::new(config);
    let warned = tts.check().await;
    assert_eq!(warned.len(), warnings.len(), "{warned:?}");
    for (warning, remedy) in warned.iter().zip(warnings) {
        assert!(warning.contains(remedy), "{warning}");
    }
    for (locale, text, expected) in [("en-US", "Hello", english), ("de-DE", "Hallo", german)] {
        let said = match tts.speak(&utterance(text, locale, None)).await {
            Ok(_) => "sound".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{locale}: {said}");
    }
}

#[tokio::test]
async fn a_missing_engine_is_warned_of_and_named() {
    let (flite, espeak) = ("apt-get install flite", "apt-get install espeak-ng");
    check_missing(true, true, &[], "sound", "sound").await;
    check_missing(false, true, &[flite], "sound", "sound").await;
    check_missing(true, false, &[espeak], "sound", espeak).await;
    check_missing(false, false, &[flite, espeak], flite, espeak).await;
}

#[tokio::test]
async fn a_flite_voice_is_not_replaced_where_flite_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let tts = OfflineTts::new(OfflineConfig { flite: dir.path().join("none"), ..config(dir.path()) });
    let refused = tts.speak(&utterance("Hello", "en-US", Some("slt"))).await;
    assert!(matches!(refused, Err(TtsError::NotInstalled { engine: "flite", .. })), "{refused:?}");
}

/// Time enough on a busy machine.
const PATIENT_MS: u64 = 60_000;

async fn check_bad_engine(script: &str, timeout_ms: u64, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let flite = stand_in(dir.path(), script);
    let work_dir = dir.path().join("work");
    std::fs::create_dir(&work_dir).unwrap();
    let limits = OfflineConfig {
        output_bytes_max: 10_000,
        timeout: Duration::from_millis(timeout_ms),
        ..config(&work_dir)
    };
    let tts = OfflineTts::new(OfflineConfig { flite, ..limits });
    let begun = Instant::now();
    let error = tts.speak(&utterance("Hello", "en-US", None)).await.unwrap_err();
    assert!(error.to_string().contains(expected), "{script}: {error}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{script}");
    assert_eq!(std::fs::read_dir(&work_dir).unwrap().count(), 0, "{script}");
}

#[tokio::test]
async fn a_bad_engine_fails_the_step_in_time() {
    check_bad_engine("exec sleep 60", 300, "longer than 0.3 s").await;
    check_bad_engine("echo no tongue >&2; exit 3", PATIENT_MS, "no tongue").await;
    check_bad_engine("exit 0", PATIENT_MS, "wrote no sound").await;
    check_bad_engine("echo rubbish > \"$out\"", PATIENT_MS, "gives no sound").await;
    check_bad_engine(
        "{ printf RIFF; head -c 20000 /dev/zero; } > \"$out\"",
        PATIENT_MS,
        "more sound than the limit",
    )
    .await;
    check_bad_engine("kill -9 $$", PATIENT_MS, "signal: 9").await;
}

#[tokio::test]
async fn a_text_is_spoken_once_and_equal_wishes_share_it() {
    let dir = tempfile::tempdir().unwrap();
    let flite = stand_in(dir.path(), &format!("echo once >> {}/count; {SOUND}", dir.path().display()));
    let tts = std::sync::Arc::new(OfflineTts::new(OfflineConfig { flite, ..config(dir.path()) }));
    let wishes: Vec<_> = (0..16)
        .map(|_| {
            let tts = std::sync::Arc::clone(&tts);
            tokio::spawn(async move { tts.speak(&utterance("Hello", "en-US", None)).await })
        })
        .collect();
    for wish in wishes {
        assert_eq!(wish.await.unwrap().unwrap().len(), 1_004);
    }
    tts.speak(&utterance("Hello", "en-GB", Some("slt"))).await.unwrap();
    tts.speak(&utterance("Other", "en-US", None)).await.unwrap();
    let count = std::fs::read_to_string(dir.path().join("count")).unwrap();
    assert_eq!(count.lines().count(), 2);
}

#[tokio::test]
async fn more_texts_than_may_wait_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    // Each run waits until the test opens the gate.
    let gate = dir.path().join("gate");
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done; {SOUND}", gate.display());
    let flite = stand_in(dir.path(), &script);
    let tts = OfflineTts::new(OfflineConfig { flite, concurrency: 2, queue_max: 3, ..config(dir.path()) });
    let tts = std::sync::Arc::new(tts);
    let wishes: Vec<_> = (0..20)
        .map(|number| {
            let tts = std::sync::Arc::clone(&tts);
            tokio::spawn(async move { tts.speak(&utterance(&format!("text {number}"), "en-US", None)).await })
        })
        .collect();
    // A refusal comes at once; the others wait for the gate.
    while wishes.iter().filter(|wish| wish.is_finished()).count() < 15 {
        tokio::task::yield_now().await;
    }
    std::fs::write(&gate, "").unwrap();
    let mut outcomes = (0, 0);
    for wish in wishes {
        match wish.await.unwrap() {
            Ok(_) => outcomes.0 += 1,
            Err(TtsError::Busy) => outcomes.1 += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(outcomes, (5, 15));
}
