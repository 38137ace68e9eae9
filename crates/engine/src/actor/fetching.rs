//! Questions to the app: how does the call go on? Signed like its webhooks, bounded, tried once more where the app's
//! server stumbles.

use super::run::Actor;
use crate::core::Core;
use crate::webhooks::standard_headers;
use call::Fetch;
use model::call::Call;
use model::flow::Flow;
use model::timeline::TimelineKind;
use ports::{EgressError, EgressRequest, EgressResponse};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Attempts of one question.
const ATTEMPTS: u32 = 2;
/// The wait between them.
const RETRY_WAIT: Duration = Duration::from_millis(500);

impl Actor {
    /// Asks in the background; what came of it goes to the mailbox.
    pub(super) fn fetch(&mut self, fetch: Fetch) {
        while self.fetching.try_join_next().is_some() {}
        let (core, mailbox) = (Arc::clone(&self.core), self.mailbox.clone());
        let call = self.machine.call().clone();
        self.fetching.spawn(async move {
            let id = fetch.id;
            let result = ask(&core, &call, fetch).await;
            mailbox.fetched(id, result).await;
        });
    }
}

async fn ask(core: &Core, call: &Call, fetch: Fetch) -> Result<Option<Flow>, String> {
    let asked =
        |door: &Arc<dyn ports::EventRenderer>| Some((door.clone(), door.question(call, &fetch.variables)?));
    let (door, question) =
        core.renderers.iter().find_map(asked).ok_or("this server has no words for the question")?;
    let notifier = core.notifier(call.app, call.mode, door.door()).await;
    let secret = notifier.map_err(|_| "the signing key could not be read")?.signing_secret;
    let message_id = format!("ask_{}_{}", call.id, fetch.id.0);
    let mut last = Err(String::new());
    for attempt in 1..=ATTEMPTS {
        let headers = standard_headers(&secret, &message_id, &question, core.now());
        let request = EgressRequest {
            url: fetch.url.clone(),
            body: Some(question.clone().into()),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            response_bytes_max: ANSWER_BYTES_MAX,
            timeout: Duration::from_millis(fetch.timeout_ms.into()),
        };
        let answer = core.egress.send(request).await;
        note(core, call, attempt, &answer);
        let (result, again) = judge(answer);
        last = result;
        if !again {
            break;
        }
        sleep(RETRY_WAIT).await;
    }
    match last? {
        Some(body) => door.answer(&body, &fetch.variables),
        None => Ok(None),
    }
}

/// The body of an answer that may hold steps, none of one that holds nothing; and whether to ask again.
fn judge(answer: Result<EgressResponse, EgressError>) -> (Result<Option<bytes::Bytes>, String>, bool) {
    match answer {
        Err(error @ EgressError::NotAllowed(_)) => (Err(error.to_string()), false),
        Err(error) => (Err(error.to_string()), true),
        Ok(EgressResponse { status, .. }) if status >= 500 => {
            (Err(format!("the app answered {status}")), true)
        }
        Ok(EgressResponse { status, .. }) if !(200..300).contains(&status) => {
            (Err(format!("the app answered {status}")), false)
        }
        Ok(EgressResponse { body_cut: true, .. }) => {
            (Err(format!("the answer has more than {ANSWER_BYTES_MAX} bytes")), false)
        }
        Ok(EgressResponse { status: 204, .. }) => (Ok(None), false),
        Ok(EgressResponse { body, .. }) if body.is_empty() => (Ok(None), false),
        Ok(EgressResponse { body, .. }) => (Ok(Some(body)), false),
    }
}

fn note(core: &Core, call: &Call, attempt: u32, answer: &Result<EgressResponse, EgressError>) {
    let words = match answer {
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.to_string(),
    };
    let summary = format!("the app was asked how to go on: {words} (attempt {attempt})");
    core.note(call.id, TimelineKind::Flow, summary, json!({ "attempt": attempt }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &'static str, expected: Result<Option<&str>, &str>, again: bool) {
        let answer = EgressResponse {
            status,
            retry_after_s: None,
            content_type: None,
            body: body.into(),
            body_cut: false,
        };
        let (got, asks_again) = judge(Ok(answer));
        let expected = expected.map(|body| body.map(|text| bytes::Bytes::from(text.to_owned())));
        assert_eq!((got, asks_again), (expected.map_err(str::to_owned), again), "{status}");
    }

    #[test]
    fn answers_hold_steps_nothing_or_trouble() {
        check(200, "{}", Ok(Some("{}")), false);
        check(200, "", Ok(None), false);
        check(204, "x", Ok(None), false);
        check(404, "x", Err("the app answered 404"), false);
        check(302, "x", Err("the app answered 302"), false);
        check(503, "x", Err("the app answered 503"), true);
        assert!(judge(Err(EgressError::Timeout(RETRY_WAIT))).1);
        assert!(!judge(Err(EgressError::NotAllowed("private".into()))).1);
    }
}
