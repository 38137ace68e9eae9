//! Ids as this door writes them: a prefix, `test_` for test objects, and the KSUID.

use model::call::{Call, Mode};
use model::fault::{Fault, FaultCode};
use model::{
    AppId, CallId, EndpointId, KeyId, NumberId, OrganizationId, RecordingId, TranscriptionId, TrunkId,
    VoiceChannelId, WebhookId,
};

macro_rules! plain_ids {
    ($($name:ident, $parse:ident, $type:ty, $prefix:literal;)+) => {$(
        #[doc = concat!("`", $prefix, "` and the KSUID.")]
        pub(crate) fn $name(id: $type) -> String {
            format!(concat!($prefix, "{}"), id.to_ksuid())
        }

        #[doc = concat!("Reads [`", stringify!($name), "`]'s spelling; anything else is an object nobody has.")]
        #[allow(dead_code, reason = "not every object has a path of its own yet")]
        pub(crate) fn $parse(text: &str) -> Result<$type, Fault> {
            let ksuid = text.strip_prefix($prefix).map(|rest| rest.strip_prefix("test_").unwrap_or(rest));
            ksuid.and_then(|k| <$type>::from_ksuid(k).ok()).ok_or_else(|| Fault::new(FaultCode::NotFound))
        }
    )+};
}

plain_ids! {
    organization, parse_organization, OrganizationId, "org_";
    app, parse_app, AppId, "app_";
    number, parse_number, NumberId, "ph_";
    trunk, parse_trunk, TrunkId, "trk_";
    endpoint, parse_endpoint, EndpointId, "ep_";
    voice_channel, parse_voice_channel, VoiceChannelId, "vch_";
}

const fn infix(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "",
        Mode::Test => "test_",
    }
}

/// `call_` or `call_test_` and the KSUID.
pub(crate) fn call(call: &Call) -> String {
    call_of(call.id, call.mode)
}

/// As [`call`], from its parts.
pub(crate) fn call_of(id: CallId, mode: Mode) -> String {
    format!("call_{}{}", infix(mode), id.to_ksuid())
}

/// Reads a call's id with the mode that its spelling claims.
pub(crate) fn parse_call(text: &str) -> Result<(CallId, Mode), Fault> {
    parse_with_mode(text, "call_", CallId::from_ksuid).ok_or_else(|| Fault::new(FaultCode::CallNotFound))
}

/// `key_app_` or `key_app_test_` and the KSUID.
pub(crate) fn key(id: KeyId, mode: Mode) -> String {
    format!("key_app_{}{}", infix(mode), id.to_ksuid())
}

/// Reads a key's id; its record says its class.
pub(crate) fn parse_key(text: &str) -> Result<KeyId, Fault> {
    let parsed = parse_with_mode(text, "key_app_", KeyId::from_ksuid);
    parsed.map(|(id, _)| id).ok_or_else(|| Fault::new(FaultCode::NotFound))
}

/// `whk_` or `whk_test_` and the KSUID.
pub(crate) fn webhook(id: WebhookId, mode: Mode) -> String {
    format!("whk_{}{}", infix(mode), id.to_ksuid())
}

/// Reads a webhook's id; its row says its mode.
pub(crate) fn parse_webhook(text: &str) -> Result<WebhookId, Fault> {
    let parsed = parse_with_mode(text, "whk_", WebhookId::from_ksuid);
    parsed.map(|(id, _)| id).ok_or_else(|| Fault::new(FaultCode::NotFound))
}

/// `call_rec_` or `call_rec_test_` and the KSUID.
pub(crate) fn recording(id: RecordingId, mode: Mode) -> String {
    format!("call_rec_{}{}", infix(mode), id.to_ksuid())
}

/// Reads a recording's id with the mode that its spelling claims.
pub(crate) fn parse_recording(text: &str) -> Result<(RecordingId, Mode), Fault> {
    parse_with_mode(text, "call_rec_", RecordingId::from_ksuid).ok_or_else(|| Fault::new(FaultCode::NotFound))
}

/// `call_trn_` or `call_trn_test_` and the KSUID.
pub(crate) fn transcription(id: TranscriptionId, mode: Mode) -> String {
    format!("call_trn_{}{}", infix(mode), id.to_ksuid())
}

fn parse_with_mode<T, E>(
    text: &str,
    prefix: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<(T, Mode)> {
    let rest = text.strip_prefix(prefix)?;
    let (mode, ksuid) = rest.strip_prefix("test_").map_or((Mode::Live, rest), |ksuid| (Mode::Test, ksuid));
    Some((parse(ksuid).ok()?, mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{IdSource, Timestamp};

    #[test]
    fn call_ids_carry_their_mode() {
        let id = CallId::generate(&mut IdSource::new(1), Timestamp::from_millis(1_777_713_247_120));
        for mode in [Mode::Live, Mode::Test] {
            assert_eq!(parse_call(&call_of(id, mode)), Ok((id, mode)));
        }
        for bad in ["", "call_", "call_test_", "app_x", &id.to_string(), &id.to_ksuid()] {
            assert_eq!(parse_call(bad).unwrap_err().code, FaultCode::CallNotFound, "{bad}");
        }
    }
}
