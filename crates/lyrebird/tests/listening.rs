//! Listening over real SIP and sound: a persona says a word to a gather that expects it, and a recording of one is written
//! down, read in all forms and removed.

#![cfg(test)]

use model::{AppId, RecordingId};
use serde_json::{Value, json};
use testkit::{Api, Receiver, Server, Settings};

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const OURS: &str = "+15005559999";

/// A call to a human who says `text` when answered.
fn order(text: &str, flow: &Value) -> Value {
    let sandbox = json!({ "persona": "human", "text": text, "answerAfterMs": 200 });
    json!({ "from": OURS, "to": "+4930123456", "flow": flow, "metadata": { "sandbox": sandbox } })
}

#[tokio::test]
async fn what_a_persona_says_chooses_the_way() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.gather.completed"]).await;
    let flow = json!([
        { "command": "gather", "input": "speech", "timeoutMs": 20_000 },
        { "command": "pause", "lengthMs": 1_000, "conditions": [
            { "variable": "speech", "operator": "contains", "value": "sales" }] },
        { "command": "say", "text": "wrong", "conditions": [
            { "variable": "speech", "operator": "contains", "value": "support" }] },
    ]);
    let call = test.place(&order("sales", &flow)).await;
    let gathered = |hits: &[testkit::Hit]| hits.first().map(|hit| hit.json["data"]["gather"].clone());
    let gather = events.wait_for("the gather's event", gathered).await;
    let story = test.story(&call).await;
    assert_eq!((&gather["speech"], &gather["endedBy"]), (&json!("sales"), &json!("speech")), "{story}");
    assert!(gather["confidence"].as_f64().is_some_and(|sure| (0.1..=1.0).contains(&sure)), "{gather}");
    test.wait_for_end(&call).await;
    let story = test.story(&call).await;
    assert!(story.contains("pause: completed") && story.contains("say: skipped"), "{story}");
}

/// The path of the app's workspace at the Bird door.
fn workspace(server: &Server) -> String {
    let ksuid = server.keys.app_id.trim_start_matches("app_").trim_start_matches("test_");
    format!("/workspaces/{}", AppId::from_ksuid(ksuid).expect("the app's id is one"))
}

async fn wait_until_written(test: &Api, path: &str) -> Value {
    loop {
        let found = test.get(path).await.expect(200);
        match found["status"].as_str() {
            Some("accepted" | "ongoing") => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            _ => return found,
        }
    }
}

#[tokio::test]
async fn a_recording_is_written_down_in_all_forms_and_removed() {
    let events = Receiver::start().await;
    let server = Server::start_with(BINARY, Settings::default().allow(events.addr())).await;
    let test = server.test();
    test.make_webhook(&events.url("/"), &["calls.transcription.completed"]).await;
    let flow = json!([{ "command": "record", "silenceMs": 2_000 }]);
    let call = test.place(&order("what time is it", &flow)).await;
    test.wait_for_end(&call).await;
    let recordings = test.wait_for_recordings(&call).await;
    let ksuid = recordings[0]["id"].as_str().unwrap_or_default().trim_start_matches("call_rec_test_");
    let recording = RecordingId::from_ksuid(ksuid).expect("a recording's id");
    let workspace = workspace(&server);
    let asked = test
        .post(&format!("{workspace}/recordings/{recording}/transcriptions"), &json!({ "locale": "en-US" }))
        .await
        .expect(202);
    assert_eq!(
        (&asked["status"], &asked["recordingId"]),
        (&json!("accepted"), &json!(recording.to_string()))
    );
    let path = format!("{workspace}/transcriptions/{}", asked["id"].as_str().unwrap_or_default());
    let done = wait_until_written(&test, &path).await;
    assert_eq!((&done["status"], &done["stereo"]), (&json!("available"), &json!(false)), "{done}");
    let words = test.get(&format!("{path}.json")).await.expect(200);
    assert!(words["text"].as_str().is_some_and(|text| text.contains("time")), "{words}");
    for (form, begin) in [("srt", "1\n00:00:0"), ("vtt", "WEBVTT\n\n00:00:0"), ("txt", "")] {
        let file = test.get(&format!("{path}.{form}")).await;
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        assert!(file.status == 200 && text.starts_with(begin) && text.contains("time"), "{form}: {text}");
        assert_eq!(test.get(&format!("{path}?format={form}")).await.bytes, file.bytes);
    }
    let told = |hits: &[testkit::Hit]| hits.first().map(|hit| hit.json["data"]["transcription"].clone());
    let event = events.wait_for("the transcription's event", told).await;
    assert_eq!(
        (&event["status"], &event["recordingId"]),
        (&json!("available"), &recordings[0]["id"]),
        "{event}"
    );
    let list = test.get(&format!("{workspace}/transcriptions?limit=1")).await.expect(200);
    assert_eq!(list["results"][0]["id"], asked["id"]);
    assert!(test.get(&format!("{path}.mp3")).await.status == 404);
    test.delete(&path).await.expect(204);
    test.get(&format!("{path}.json")).await.expect(404);
    let refused = test
        .post(&format!("{workspace}/recordings/{recording}/transcriptions"), &json!({ "locale": "de-DE" }))
        .await;
    let refused = refused.expect(422);
    assert!(refused["details"]["locale"].is_array(), "{refused}");
}
