//! What a message must have before anything is done with it (RFC 3261 §8.1.1, §8.2, RFC 4475), with the exact answer to
//! a request that has it not. Decides by the message alone; knows no dialog and no transaction.

use super::address::NameAddr;
use super::fields::CSeq;
use super::fields::is_content_type;
use super::name::{ALLOW, HeaderName, Method, OPTION_TAGS};
use super::parse::{Defect, Message, StartLine};
use super::scan;
use super::uri::{Scheme, Uri};
use super::via::Via;

/// The answer to a request that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status code.
    pub code: u16,
    /// Reason phrase if not the standard one.
    pub reason: Option<&'static str>,
    /// A header that explains it: Unsupported, Allow, Accept, Retry-After.
    pub header: Option<(&'static str, String)>,
}

impl Refusal {
    /// By code alone.
    pub const fn code(code: u16) -> Self {
        Self { code, reason: None, header: None }
    }

    /// 400 with a phrase that says why.
    pub const fn bad(reason: &'static str) -> Self {
        Self { code: 400, reason: Some(reason), header: None }
    }

    /// With a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }
}

/// A request that has all it needs.
#[derive(Clone, Copy, Debug)]
pub struct Request<'m, 'a> {
    /// The message it was read from.
    pub message: &'m Message<'a>,
    /// Method.
    pub method: Method<'a>,
    /// Request-URI.
    pub uri: Uri<'a>,
    /// Request-URI as written.
    pub uri_text: &'a str,
    /// The topmost Via.
    pub via: Via<'a>,
    /// From.
    pub from: NameAddr<'a>,
    /// To.
    pub to: NameAddr<'a>,
    /// Call-ID.
    pub call_id: &'a str,
    /// CSeq.
    pub cseq: CSeq<'a>,
}

/// A response that has all it needs.
#[derive(Clone, Copy, Debug)]
pub struct Response<'m, 'a> {
    /// The message it was read from.
    pub message: &'m Message<'a>,
    /// Status code.
    pub code: u16,
    /// Phrase as written.
    pub reason: &'a [u8],
    /// Our Via.
    pub via: Via<'a>,
    /// From: us.
    pub from: NameAddr<'a>,
    /// To: the peer.
    pub to: NameAddr<'a>,
    /// Call-ID.
    pub call_id: &'a str,
    /// CSeq.
    pub cseq: CSeq<'a>,
}

struct Core<'a> {
    via: Via<'a>,
    from: NameAddr<'a>,
    to: NameAddr<'a>,
    call_id: &'a str,
    cseq: CSeq<'a>,
}

/// Checks a request.
pub fn request<'m, 'a>(message: &'m Message<'a>) -> Result<Request<'m, 'a>, Refusal> {
    let StartLine::Request { method, uri } = message.start else { return Err(Refusal::bad("Not A Request")) };
    if let Some(defect) = message.defect {
        return Err(refusal_of(defect));
    }
    let core = core(message)?;
    match method {
        _ if core.cseq.method == method.as_str() => {}
        // Either is right; this one tells a newer peer more (RFC 4475 §3.1.2.18).
        Method::Unknown(_) => return Err(Refusal::code(501).with_header("Allow", ALLOW)),
        _ => return Err(Refusal::bad("CSeq Method Mismatch")),
    }
    let uri_text = scan::text(uri).ok_or(Refusal::bad("Malformed Request-URI"))?;
    let uri = Uri::parse(uri_text).map_err(|_| Refusal::bad("Malformed Request-URI"))?;
    if uri.scheme == Scheme::Other {
        return Err(Refusal::code(416));
    }
    if !uri.headers.is_empty() {
        // §19.1.1: headers are not allowed in a Request-URI.
        return Err(Refusal::bad("Headers In Request-URI"));
    }
    max_forwards(message)?;
    let Core { via, from, to, call_id, cseq } = core;
    Ok(Request { message, method, uri, uri_text, via, from, to, call_id, cseq })
}

/// Checks a response; one that fails is dropped.
pub fn response<'m, 'a>(message: &'m Message<'a>) -> Option<Response<'m, 'a>> {
    let StartLine::Response { code, reason } = message.start else { return None };
    // More than one Via: the response was meant for somebody behind us (§18.1.2).
    if message.elements(HeaderName::Via).nth(1).is_some() {
        return None;
    }
    let Core { via, from, to, call_id, cseq } = core(message).ok()?;
    Some(Response { message, code, reason, via, from, to, call_id, cseq })
}

fn core<'a>(message: &Message<'a>) -> Result<Core<'a>, Refusal> {
    if let Some(name) = HeaderName::SINGLE.into_iter().find(|name| message.count(*name) > 1) {
        return Err(Refusal::bad(match name {
            HeaderName::From => "Multiple From",
            HeaderName::To => "Multiple To",
            HeaderName::CallId => "Multiple Call-ID",
            HeaderName::CSeq => "Multiple CSeq",
            HeaderName::MaxForwards => "Multiple Max-Forwards",
            _ => "Multiple Content-Length",
        }));
    }
    let via = message.elements(HeaderName::Via).next().ok_or(Refusal::bad("Missing Via"))?;
    let via = Via::parse(via).ok_or(Refusal::bad("Malformed Via"))?;
    let from = message.value(HeaderName::From).ok_or(Refusal::bad("Missing From"))?;
    let from = NameAddr::parse(from).ok_or(Refusal::bad("Malformed From"))?;
    let to = message.value(HeaderName::To).ok_or(Refusal::bad("Missing To"))?;
    let to = NameAddr::parse(to).ok_or(Refusal::bad("Malformed To"))?;
    let call_id = message.value(HeaderName::CallId).ok_or(Refusal::bad("Missing Call-ID"))?;
    let call_id = scan::text(call_id)
        .filter(|id| !id.is_empty() && !id.bytes().any(|byte| byte <= b' ' || byte == 0x7f))
        .ok_or(Refusal::bad("Malformed Call-ID"))?;
    let cseq = message.value(HeaderName::CSeq).ok_or(Refusal::bad("Missing CSeq"))?;
    let cseq = CSeq::parse(cseq).ok_or(Refusal::bad("Malformed CSeq"))?;
    Ok(Core { via, from, to, call_id, cseq })
}

const fn refusal_of(defect: Defect) -> Refusal {
    match defect {
        Defect::Version => Refusal::code(505),
        Defect::RequestLine => Refusal::bad("Malformed Request-Line"),
        Defect::HeaderLine => Refusal::bad("Malformed Header"),
        Defect::TooManyHeaders => Refusal::bad("Too Many Headers"),
        Defect::NoHeaderEnd => Refusal::bad("Headers Do Not End"),
        Defect::ContentLength => Refusal::bad("Malformed Content-Length"),
        Defect::BodyShort => Refusal::bad("Body Shorter Than Content-Length"),
    }
}

fn max_forwards(message: &Message<'_>) -> Result<(), Refusal> {
    match message.value(HeaderName::MaxForwards) {
        Some(value) if scan::number(value).is_none_or(|number| number > 255) => {
            Err(Refusal::bad("Malformed Max-Forwards"))
        }
        _ => Ok(()),
    }
}

/// Refuses an INVITE that may go no further: behind us another call may start (RFC 3261 §16.3 step 3).
pub fn hops_left(message: &Message<'_>) -> Result<(), Refusal> {
    match message.value(HeaderName::MaxForwards).and_then(scan::number) {
        Some(0) => Err(Refusal::code(483)),
        _ => Ok(()),
    }
}

/// Refuses an INVITE whose caller takes no session description (§20.1): without Accept it does.
pub fn accepts_sessions(message: &Message<'_>) -> Result<(), Refusal> {
    let takes = |range: &[u8]| {
        ["application/sdp", "application/*", "*/*"].iter().any(|one| is_content_type(range, one))
    };
    if message.count(HeaderName::Accept) == 0 || message.elements(HeaderName::Accept).any(takes) {
        return Ok(());
    }
    Err(Refusal::code(406).with_header("Accept", "application/sdp"))
}

/// Refuses what the peer requires and we do not know, naming it.
pub fn extensions(message: &Message<'_>) -> Result<(), Refusal> {
    let unknown: Vec<String> = message
        .elements(HeaderName::Require)
        .filter(|tag| !OPTION_TAGS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(tag)))
        .map(scan::unfold)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::code(420).with_header("Unsupported", unknown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:f@h>;tag=1\r\n\
        To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

    fn check(edit: (&str, &str), wanted: Result<(), u16>) {
        let text = GOOD.replacen(edit.0, edit.1, 1);
        let message = Message::parse(text.as_bytes()).unwrap();
        let got = request(&message).map(|_| ()).map_err(|refusal| refusal.code);
        assert_eq!(got, wanted, "{edit:?}");
    }

    #[test]
    fn a_request_that_lacks_nothing_passes() {
        check(("", ""), Ok(()));
        check(("Max-Forwards: 70\r\n", ""), Ok(()));
        check(("Content-Length: 0\r\n", ""), Ok(()));
        check((";tag=1", ""), Ok(()));
        check(("To: <sip:a@b>", "To: isbn:2983792873"), Ok(()));
        check(("Max-Forwards: 70", "Max-Forwards: 0"), Ok(()));
    }

    #[test]
    fn each_fault_has_its_code() {
        check(("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), Err(505));
        check((" SIP/2.0\r\nVia", "  SIP/2.0\r\nVia"), Err(400));
        check(("SIP/2.0\r\nVia", "SIP/2.0  \r\nVia"), Err(400));
        check(("sip:a@b SIP", "<sip:a@b> SIP"), Err(400));
        check(("sip:a@b SIP", "sip:a@b; lr SIP"), Err(400));
        check(("sip:a@b SIP", "sip:a@b?Route=x SIP"), Err(400));
        check(("sip:a@b SIP", "soap.beep://192.0.2.103:3002 SIP"), Err(416));
        check(("Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", ""), Err(400));
        check(("h;branch=z9hG4bK1", "h;;,;,,"), Err(400));
        check(("From: <sip:f@h>;tag=1\r\n", ""), Err(400));
        check(("<sip:f@h>", "\"x <sip:f@h>"), Err(400));
        check(("To: <sip:a@b>\r\n", ""), Err(400));
        check(("To: <sip:a@b>\r\n", "To: <sip:a@b>\r\nt: <sip:a@b>\r\n"), Err(400));
        check(("Call-ID: c\r\n", ""), Err(400));
        check(("Call-ID: c\r\n", "Call-ID: \r\n"), Err(400));
        check(("Call-ID: c\r\n", "Call-ID: c d\r\n"), Err(400));
        check(("CSeq: 1 OPTIONS\r\n", ""), Err(400));
        check(("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), Err(400));
        check(("CSeq: 1 OPTIONS", "CSeq: 36893488147419103232 OPTIONS"), Err(400));
        check(("Max-Forwards: 70", "Max-Forwards: 300"), Err(400));
        check(("Content-Length: 0", "Content-Length: -999"), Err(400));
        check(("Content-Length: 0", "Content-Length: 9999"), Err(400));
        check(("Content-Length: 0", "Content-Length: 0\r\nl: 3"), Err(400));
        check(("Call-ID: c\r\n", "Call-ID: c\r\nno colon here\r\n"), Err(400));
        check(("\r\n\r\n", "\r\n"), Err(400));
    }

    #[test]
    fn callers_take_session_descriptions_or_are_refused() {
        let check = |accept: &str, good: bool| {
            let text = GOOD.replace("Max-Forwards: 70", accept);
            let message = Message::parse(text.as_bytes()).unwrap();
            assert_eq!(accepts_sessions(&message).is_ok(), good, "{accept:?}");
        };
        check("X: y", true);
        check("Accept: application/sdp", true);
        check("Accept: text/plain;q=1\r\nAccept: a/b, Application/SDP;level=1", true);
        check("Accept: */*", true);
        check("Accept: application/*;q=0.1", true);
        check("Accept: text/nobodyKnowsThis", false);
        check("Accept:", false);
    }

    #[test]
    fn requirements_and_hops_are_checked_apart() {
        let text =
            GOOD.replace("Max-Forwards: 70", "Max-Forwards: 0\r\nRequire: foo, 100rel\r\nRequire: bar");
        let message = Message::parse(text.as_bytes()).unwrap();
        assert_eq!(hops_left(&message), Err(Refusal::code(483)));
        let refusal = extensions(&message).unwrap_err();
        assert_eq!((refusal.code, refusal.header), (420, Some(("Unsupported", "foo, bar".to_owned()))));
    }
}
