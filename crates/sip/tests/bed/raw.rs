//! Peers written by hand: requests to B, responses to A, byte by byte.

use super::{A, ANSWER, B, Bed, OFFER, RAW, answer_at_once, call_to, header, response_to};
use sip::{CallKey, Credentials, Order};

/// A request written by hand to B; `more` are further header lines.
pub fn request(method: &str, branch: &str, cseq: u32, to_tag: &str, more: &str, body: &str) -> String {
    let to_tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "{method} sip:+15550101@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP {RAW};branch=z9hG4bK{branch}\r\n\
         From: <sip:raw@{RAW}>;tag=raw\r\nTo: <sip:+15550101@127.0.0.1>{to_tag}\r\nCall-ID: raw-call\r\n\
         CSeq: {cseq} {method}\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn sdp_invite(branch: &str, cseq: u32, to_tag: &str) -> String {
    let more = format!("Contact: <sip:raw@{RAW}>\r\nContent-Type: application/sdp\r\n");
    request("INVITE", branch, cseq, to_tag, &more, std::str::from_utf8(OFFER).unwrap())
}

/// The codes of B's responses so far.
pub fn codes(bed: &Bed) -> Vec<String> {
    bed.packets
        .iter()
        .map(|(_, packet)| packet.name())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

/// A hand-written caller in a call with B; gives B's tag.
pub fn raw_call(seed: u64) -> (Bed, String) {
    let mut bed = Bed::new(seed);
    bed.behave(B, answer_at_once);
    bed.inject(B, RAW, &sdp_invite("1", 1, ""));
    let tag = to_tag(&bed.last("B 200 INVITE"));
    bed.inject(B, RAW, &request("ACK", "2", 1, &tag, "", ""));
    assert_eq!(bed.heard(B), ["incoming", "acknowledged"]);
    (bed, tag)
}

pub fn to_tag(message: &str) -> String {
    header(message, "To").split("tag=").nth(1).unwrap_or_default().to_owned()
}

/// A calls a hand-written callee; gives the INVITE.
pub fn raw_callee(seed: u64, credentials: Option<Credentials>) -> (Bed, String) {
    let mut bed = Bed::new(seed);
    let mut call = call_to(RAW);
    call.credentials = credentials;
    bed.order(A, Order::Invite { key: CallKey(1), call: Box::new(call) });
    let invite = bed.last("A INVITE");
    (bed, invite)
}

pub fn answer_from(invite: &str, tag: &str, more: &str) -> String {
    let more = format!("Contact: <sip:{tag}@{RAW}>\r\n{more}");
    response_to(invite, "200 OK", tag, &more, std::str::from_utf8(ANSWER).unwrap())
}

pub const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"\r\n";

/// Whether A ever sent credentials.
pub fn leaked(bed: &Bed) -> bool {
    bed.packets.iter().any(|(_, packet)| packet.text().to_ascii_lowercase().contains("authorization"))
}

pub fn credentials() -> Option<Credentials> {
    Some(Credentials { username: "al".into(), password: "secret".into(), realm: Some("trunk".into()) })
}
