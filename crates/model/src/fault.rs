//! The catalogue of faults: stable codes, each with its cause and its remedy. Doors render them in their own
//! shape; the pages under `/docs/errors` are made from this list.

/// What went wrong, in general: each door maps it to its own status and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The request is wrong and will stay wrong.
    Invalid,
    /// No key, or one that is not known.
    Unauthenticated,
    /// The key is known and may not do this.
    Forbidden,
    /// There is no such thing, or not for this key.
    NotFound,
    /// It does not fit the present state.
    Conflict,
    /// Too much for the limits.
    TooLarge,
    /// Too many or too fast.
    Limited,
    /// This server cannot do it now.
    Unavailable,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident, $code:literal, $class:ident, $cause:literal, $remedy:literal;)+) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultCode {
            $($(#[$doc])* $variant,)+
        }

        impl FaultCode {
            /// Every code, for the catalogue's page.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What kind of fault it is.
            pub const fn class(self) -> FaultClass {
                match self { $(Self::$variant => FaultClass::$class,)+ }
            }

            /// What causes it, one sentence.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)+ }
            }

            /// What to do about it, one sentence.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

faults! {
    /// The body is no JSON.
    MalformedJson, "malformed_json", Invalid, "The request body is not valid JSON in UTF-8.", "Send a JSON object encoded in UTF-8.";
    /// The body is something else than JSON.
    UnsupportedMediaType, "unsupported_media_type", Invalid, "The request body has another content type than JSON.", "Send Content-Type: application/json.";
    /// The body is larger than the limit.
    BodyTooLarge, "body_too_large", TooLarge, "The request body is larger than 256 KiB.", "Send a smaller body.";
    /// The headers are larger than the limit.
    HeadersTooLarge, "headers_too_large", TooLarge, "The request's headers are larger than 16 KiB.", "Send fewer or shorter headers.";
    /// The body nests too deep.
    JsonTooDeep, "json_too_deep", Invalid, "The request body nests deeper than 32 levels.", "Flatten the body.";
    /// A field is missing.
    MissingField, "missing_field", Invalid, "A required field is missing.", "Add the field that param names.";
    /// A field nobody knows.
    UnknownField, "unknown_field", Invalid, "The request has a field that does not exist.", "Remove the field that param names, or correct its spelling.";
    /// A field has the wrong type or value.
    InvalidField, "invalid_field", Invalid, "A field has the wrong type, or a value outside its range.", "Correct the field that param names as the message says.";
    /// A flow that can never run as it stands.
    InvalidFlow, "invalid_flow", Invalid, "The flow can never run as it stands: a step is never reached, a loop never ends or never waits, or a label or variable is unknown.", "Correct the step that param names as the message says; POST /v1/flows/check tells all faults.";
    /// Not a phone number.
    InvalidPhoneNumber, "invalid_phone_number", Invalid, "The value is not a phone number in E.164 form.", "Write the number with + and its country code, for example +4930123456.";
    /// The `from` is not the app's.
    PhoneNumberNotAssigned, "phone_number_not_assigned", Invalid, "The from number is not assigned to this app.", "Assign the number to the app (POST /v1/numbers), or call from one that is.";
    /// The number is taken.
    PhoneNumberTaken, "phone_number_taken", Conflict, "The number is already assigned.", "Delete the existing assignment first.";
    /// The channel has no carrier.
    ChannelNotConfigured, "channel_not_configured", Invalid, "This server has no carrier for the requested channel.", "Use the pstn channel, or configure a carrier for the channel.";
    /// Nothing can carry the call.
    NoTrunk, "no_trunk", Invalid, "No trunk can carry the call.", "Configure a trunk (POST /v1/trunks) and assign a number to it.";
    /// A trunk still has numbers.
    EndpointConflict, "endpoint_conflict", Conflict, "The user name is taken, or the app has as many endpoints as it may.", "Choose another user name, or remove an endpoint first.";
    /// A voice channel's number is taken, or there are too many.
    ChannelConflict, "channel_conflict", Conflict, "Another voice channel has the number, the app has as many channels as it may, or the channel is the app's default one.", "Take the number from the other channel first, or change an existing channel.";
    /// Numbers.
    TrunkInUse, "trunk_in_use", Conflict, "Phone numbers still live on this trunk.", "Delete or move its numbers first.";
    /// The URL is not allowed.
    UrlNotAllowed, "url_not_allowed", Invalid, "The URL is not https, or names a private, loopback or reserved address.", "Use a public https URL, or allow the host under egress.allowed_hosts in the configuration.";
    /// No key.
    MissingKey, "missing_key", Unauthenticated, "The request has no API key.", "Send Authorization: Bearer with a key of this server.";
    /// An unknown key.
    InvalidKey, "invalid_key", Unauthenticated, "The API key is unknown or was revoked.", "Check the key; lyrebird keys create makes a new one.";
    /// The wrong class of key.
    WrongKeyClass, "wrong_key_class", Unauthenticated, "This endpoint needs another class of key.", "Use an app key for calls and webhooks, a live or admin key for phones, an admin key for administration.";
    /// Another app's.
    Forbidden, "forbidden", Forbidden, "The key does not belong to this workspace.", "Use a key of the workspace that the path names; its id is the app's.";
    /// Unknown route.
    RouteNotFound, "route_not_found", NotFound, "There is no such endpoint.", "Check the path against the documentation.";
    /// Known route, other method.
    MethodNotAllowed, "method_not_allowed", Invalid, "The endpoint exists, but not for this method.", "Use a method that the Allow header names.";
    /// Unknown call.
    CallNotFound, "call_not_found", NotFound, "There is no call with this id for this key.", "Check the id, and that the key belongs to the call's app and mode.";
    /// Unknown object.
    NotFound, "not_found", NotFound, "There is no such object for this key.", "Check the id and the key.";
    /// The call is over.
    CallNotActive, "call_not_active", Conflict, "The call has ended.", "Send commands only while the call is active.";
    /// The command does not fit the state.
    InvalidCallState, "invalid_call_state", Conflict, "The call's present state does not allow this command.", "Wait for the event that brings the call into the right state.";
    /// The recording is not final.
    RecordingRunning, "recording_running", Conflict, "The recording is not finished.", "Stop it and wait for its completed event, then delete it.";
    /// The same idempotency key with another body.
    IdempotencyConflict, "idempotency_conflict", Conflict, "The Idempotency-Key was used before with another request.", "Use a new key for a new request.";
    /// Too many calls at once.
    ConcurrencyLimitExceeded, "concurrency_limit_exceeded", Limited, "The app has as many calls at once as it may.", "Wait for a call to end, or raise the limit.";
    /// Too many requests.
    RateLimited, "rate_limited", Limited, "Too many requests with this key.", "Wait as long as Retry-After says.";
    /// The call's mailbox is full.
    CallBusy, "call_busy", Limited, "The call has too many commands waiting.", "Wait for commands.completed events before sending more.";
    /// The store does not answer.
    StoreUnavailable, "store_unavailable", Unavailable, "The server cannot write to its database now, for example because the disk is full.", "Try again; the operator finds the reason in the server's log.";
    /// The sandbox cannot.
    SandboxUnavailable, "sandbox_unavailable", Unavailable, "The sandbox cannot place the call now.", "Try again in a moment; the operator finds the reason in the server's log.";
    /// The server stops.
    Draining, "draining", Unavailable, "The server is being stopped and takes no new calls.", "Try again in a moment.";
}

/// A fault with what is particular to this case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The stable code.
    pub code: FaultCode,
    /// What is wrong and what to do, for the app's developer. Never shows a secret or another app's data.
    pub message: String,
    /// The field, as a path: `flow[2].text`.
    pub param: Option<String>,
    /// How long to wait before trying again.
    pub retry_after_s: Option<u32>,
}

impl Fault {
    /// A fault whose message is the catalogue's own.
    pub fn new(code: FaultCode) -> Self {
        Self {
            code,
            message: format!("{} {}", code.cause(), code.remedy()),
            param: None,
            retry_after_s: None,
        }
    }

    /// A fault of one field.
    pub fn field(code: FaultCode, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: Some(param.into()), retry_after_s: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_say_cause_and_remedy() {
        let codes: BTreeSet<_> = FaultCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(codes.len(), FaultCode::ALL.len());
        for code in FaultCode::ALL {
            assert!(code.cause().ends_with('.') && code.remedy().ends_with('.'), "{code:?}");
        }
    }
}
