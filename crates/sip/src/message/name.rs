//! The header names and methods this crate acts on. Knows nothing of their values.

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method<'a> {
    /// Set up or change a session.
    Invite,
    /// Acknowledge the final response to an INVITE.
    Ack,
    /// Take an INVITE back.
    Cancel,
    /// End a session.
    Bye,
    /// Ask for capabilities.
    Options,
    /// Carry application data in a dialog (RFC 6086).
    Info,
    /// Bind a contact (§10).
    Register,
    /// Acknowledge a reliable provisional response (RFC 3262).
    Prack,
    /// Change a session, an early one too (RFC 3311).
    Update,
    /// Ask the peer to call somebody (RFC 3515).
    Refer,
    /// Tell of an event (RFC 6665).
    Notify,
    /// A method that has an RFC and that we do not serve.
    Unserved(&'static str),
    /// Any other token.
    Unknown(&'a str),
}

/// Methods of RFCs that we know of and refuse with 405.
const UNSERVED: [&str; 3] = ["MESSAGE", "SUBSCRIBE", "PUBLISH"];

impl<'a> Method<'a> {
    /// Methods are compared with regard to case (RFC 3261 §7.1).
    pub fn from_token(token: &'a str) -> Self {
        match token {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "CANCEL" => Self::Cancel,
            "BYE" => Self::Bye,
            "OPTIONS" => Self::Options,
            "INFO" => Self::Info,
            "REGISTER" => Self::Register,
            "PRACK" => Self::Prack,
            "UPDATE" => Self::Update,
            "REFER" => Self::Refer,
            "NOTIFY" => Self::Notify,
            _ => match UNSERVED.iter().find(|known| **known == token) {
                Some(known) => Self::Unserved(known),
                None => Self::Unknown(token),
            },
        }
    }

    /// As written on the wire.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Cancel => "CANCEL",
            Self::Bye => "BYE",
            Self::Options => "OPTIONS",
            Self::Info => "INFO",
            Self::Register => "REGISTER",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Unserved(name) => name,
            Self::Unknown(name) => name,
        }
    }
}

/// The methods we serve, as an Allow header says them.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY";

/// The extensions we know (RFC 3262, 4028, 3891, 4488), as a Supported header says them.
pub const SUPPORTED: &str = "100rel, timer, replaces, norefersub";

/// The same in requests within a call: provisional responses to them need no acknowledgement.
pub const SUPPORTED_WITHIN: &str = "timer, replaces, norefersub";

/// The extensions we know, one by one, for Require.
pub const OPTION_TAGS: [&str; 4] = ["100rel", "timer", "replaces", "norefersub"];

macro_rules! header_names {
    ($($(#[$doc:meta])* $variant:ident = $long:literal $(/ $compact:literal)?;)*) => {
        /// A header this crate acts on; every other one is `Other` and found by its text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        #[repr(u8)]
        pub enum HeaderName {
            $($(#[$doc])* $variant,)*
            /// Any other header.
            #[default]
            Other,
        }

        impl HeaderName {
            /// The name as we write it; empty for `Other`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $long,)*
                    Self::Other => "",
                }
            }

            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// One-letter forms, by letter (RFC 3261 §7.3.3).
            fn from_compact(letter: u8) -> Self {
                $($(if letter.eq_ignore_ascii_case(&$compact) { return Self::$variant; })?)*
                Self::Other
            }
        }
    };
}

header_names! {
    /// RFC 3261 §20.42.
    Via = "Via" / b'v';
    /// §20.20.
    From = "From" / b'f';
    /// §20.39.
    To = "To" / b't';
    /// §20.8.
    CallId = "Call-ID" / b'i';
    /// §20.16.
    CSeq = "CSeq";
    /// §20.10.
    Contact = "Contact" / b'm';
    /// §20.22.
    MaxForwards = "Max-Forwards";
    /// §20.14.
    ContentLength = "Content-Length" / b'l';
    /// §20.15.
    ContentType = "Content-Type" / b'c';
    /// §20.12.
    ContentEncoding = "Content-Encoding" / b'e';
    /// §20.34.
    Route = "Route";
    /// §20.30.
    RecordRoute = "Record-Route";
    /// §20.32.
    Require = "Require";
    /// §20.29.
    ProxyRequire = "Proxy-Require";
    /// §20.37.
    Supported = "Supported" / b'k';
    /// §20.5.
    Allow = "Allow";
    /// §20.1.
    Accept = "Accept";
    /// §20.44.
    WwwAuthenticate = "WWW-Authenticate";
    /// §20.27.
    ProxyAuthenticate = "Proxy-Authenticate";
    /// §20.7.
    Authorization = "Authorization";
    /// §20.28.
    ProxyAuthorization = "Proxy-Authorization";
    /// §20.33.
    RetryAfter = "Retry-After";
    /// RFC 3326.
    Reason = "Reason";
    /// §20.41.
    UserAgent = "User-Agent";
    /// §20.35.
    Server = "Server";
    /// §20.19.
    Expires = "Expires";
    /// §20.23.
    MinExpires = "Min-Expires";
    /// RFC 3327.
    Path = "Path";
    /// RFC 3262.
    RSeq = "RSeq";
    /// RFC 3262.
    RAck = "RAck";
    /// RFC 4028.
    SessionExpires = "Session-Expires" / b'x';
    /// RFC 4028.
    MinSe = "Min-SE";
    /// RFC 3515.
    ReferTo = "Refer-To" / b'r';
    /// RFC 3892.
    ReferredBy = "Referred-By" / b'b';
    /// RFC 4488.
    ReferSub = "Refer-Sub";
    /// RFC 3891.
    Replaces = "Replaces";
    /// RFC 6665.
    Event = "Event" / b'o';
    /// RFC 6665.
    SubscriptionState = "Subscription-State";
}

impl HeaderName {
    /// Long and compact forms, without regard to case.
    pub fn from_bytes(name: &[u8]) -> Self {
        if let [letter] = name {
            return Self::from_compact(*letter);
        }
        let known = Self::ALL.iter().find(|known| {
            let known = known.as_str();
            known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name)
        });
        known.copied().unwrap_or_default()
    }

    /// Headers that must not stand twice in a message (each is one value, not a list).
    pub(crate) const SINGLE: [Self; 6] =
        [Self::From, Self::To, Self::CallId, Self::CSeq, Self::MaxForwards, Self::ContentLength];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_form() {
        let check =
            |name: &str, wanted| assert_eq!(HeaderName::from_bytes(name.as_bytes()), wanted, "{name}");
        check("via", HeaderName::Via);
        check("V", HeaderName::Via);
        check("cAlL-iD", HeaderName::CallId);
        check("i", HeaderName::CallId);
        check("l", HeaderName::ContentLength);
        check("k", HeaderName::Supported);
        check("z", HeaderName::Other);
        check("X-Via", HeaderName::Other);
        check("", HeaderName::Other);
    }

    #[test]
    fn methods_are_found_with_regard_to_case() {
        assert_eq!(Method::from_token("INVITE"), Method::Invite);
        assert_eq!(Method::from_token("invite"), Method::Unknown("invite"));
        assert_eq!(Method::from_token("REFER").as_str(), "REFER");
        assert_eq!(Method::from_token("!odd"), Method::Unknown("!odd"));
    }
}
