//! What REGISTER is about (RFC 3261 §10), on both sides: a registration we keep at a registrar, and one that a phone asks
//! of us. Plain types; knows no machine.

use super::hop::Hop;
use crate::digest::Credentials;
use std::fmt;
use std::time::Duration;

/// Names one registration we keep; the application chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistrationKey(pub u64);

/// A registration to keep at a registrar. `Debug` shows no user and no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Registration {
    /// Request-URI: the registrar's domain, no user part, e.g. `sip:sip.example.com`.
    pub registrar_uri: String,
    /// To and From: who is registered, e.g. `sip:1000@sip.example.com`.
    pub aor: String,
    /// The user part of our Contact, unescaped: calls to this registration come with it.
    pub contact_user: String,
    /// Where the REGISTER goes.
    pub destination: Hop,
    /// What to answer a 401 or 407 with that comes from the destination's address; nothing else is answered with it.
    pub credentials: Option<Credentials>,
    /// How long it is to last, in whole seconds; the registrar may shorten it, or ask for more (423).
    pub expires: Duration,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration(at {}, for {:?})", self.destination.address, self.expires)
    }
}

/// Names a REGISTER that waits for its answer; chosen by the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegisterRequestId(pub(crate) u64);

/// One Contact of a REGISTER received. `Debug` shows no user.
#[derive(Clone, PartialEq, Eq)]
pub struct RegisterContact {
    /// The URI as written.
    pub uri: String,
    /// For how many seconds: its own `expires`, else the Expires header's; none if neither stands there.
    pub expires_secs: Option<u32>,
    /// Its preference in thousandths, 0..=1000; 1000 if none is given.
    pub q_thousandths: u16,
}

impl fmt::Debug for RegisterContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisterContact({:?} s)", self.expires_secs)
    }
}

/// A REGISTER that reached us. `Debug` shows no user and no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingRegister {
    /// The user part of To, unescaped: who is to be registered.
    pub user: String,
    /// The host of To, in lower case.
    pub domain: String,
    /// The Request-URI as written: what the digest's `uri` is about.
    pub request_uri: String,
    /// The contacts in order, at most 16; none asks for what is bound.
    pub contacts: Vec<RegisterContact>,
    /// `Contact: *` with `Expires: 0`: all bindings go.
    pub star: bool,
    /// Call-ID: with `cseq` it says which of two REGISTERs is the later one.
    pub call_id: String,
    /// CSeq number.
    pub cseq: u32,
    /// All Authorization values, for [`crate::digest::Authenticator::check`].
    pub authorizations: Vec<String>,
    /// The body, for `qop=auth-int`; empty in all likelihood.
    pub body: Vec<u8>,
    /// Where it came from: a phone behind a NAT is reached there, over the same connection.
    pub source: Hop,
    /// User-Agent.
    pub user_agent: Option<String>,
    /// Path (RFC 3327) in order, at most 16: the proxies a call to the phone has to take.
    pub path: Vec<String>,
}

impl fmt::Debug for IncomingRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contacts = self.contacts.len();
        write!(f, "IncomingRegister({contacts} contacts, star {}, from {})", self.star, self.source.address)
    }
}

/// A contact as the 200 to a REGISTER lists it.
#[derive(Clone, PartialEq, Eq)]
pub struct BoundContact {
    /// The URI as it was registered.
    pub uri: String,
    /// Seconds left.
    pub expires_secs: u32,
    /// Its preference in thousandths; 1000 is not written.
    pub q_thousandths: u16,
}

impl fmt::Debug for BoundContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundContact({} s)", self.expires_secs)
    }
}

/// The answer to a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterOutcome {
    /// 401 with these WWW-Authenticate values, best first ([`crate::digest::Authenticator::challenges`]).
    Challenge {
        /// At most 4.
        challenges: Vec<String>,
    },
    /// 200 with all contacts that are bound now.
    Accept {
        /// At most 16.
        contacts: Vec<BoundContact>,
    },
    /// 423 with Min-Expires.
    IntervalTooBrief {
        /// The least we take, in seconds.
        min_secs: u32,
    },
    /// Any other refusal: 403 wrong password, 404 no such user, 503 full.
    Refuse {
        /// 400..=699.
        code: u16,
        /// Goes out as Retry-After.
        retry_after_secs: Option<u32>,
    },
}
