//! Beside each of the 49 messages of RFC 4475 one of our own with the same property: whoever understood the RFC's text alone
//! would fail here. Over UDP; the endpoint answers afterwards.
#![cfg(test)]

mod bed;

use bed::{B, Bed, RAW};

const OPTIONS: &str = "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bKz\r\nf: <sip:a@h>;tag=1\r\n\
    t: <sip:b>\r\ni: z\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n";

/// A message that lacks nothing.
const GOOD: &str = "INVITE sip:bo@desk.example SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKown\n\
    From: \"Al\" <sip:al@home.example>;tag=98\nTo: <sip:bo@desk.example>\nCall-ID: own@home.example\n\
    CSeq: 7 INVITE\nContact: <sip:al@127.0.0.1:6000>\nMax-Forwards: 70\nContent-Length: 0\n\n";

/// [`GOOD`] with these texts replaced, one after the other.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} does not stand in {text}");
        text.replacen(from, to, 1)
    })
}

/// The same for another method.
fn of(method: &str, edits: &[(&str, &str)]) -> String {
    let (start, cseq) = (format!("{method} sip:"), format!("7 {method}"));
    let named = [("INVITE sip:", start.as_str()), ("7 INVITE", cseq.as_str())];
    edited(&[named.as_slice(), edits].concat())
}

/// A response that nobody asked for.
fn response(first: &str, via: &str) -> String {
    format!(
        "{first}\nVia: SIP/2.0/UDP {via};branch=z9hG4bK5\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: r\n\
         CSeq: 1 INVITE\nContent-Length: 0\n\n"
    )
}

/// The code of the first answer; 0 is silence.
fn reaction(text: &str) -> u16 {
    let mut bed = Bed::new(1);
    let now = bed.now;
    let bytes = text.replace('\n', "\r\n");
    bed.peers[B].endpoint.handle_datagram(RAW.parse().unwrap(), bytes.as_bytes(), now);
    bed.drain(B);
    let code = |packet: &str| packet.split(' ').next().unwrap().parse().unwrap();
    let first = bed.packets.first().map_or(0, |(_, packet)| code(&packet.name()));
    bed.inject(B, RAW, OPTIONS);
    assert_eq!(bed.packets.last().map(|(_, packet)| packet.name()).as_deref(), Some("200 OPTIONS"), "{text}");
    first
}

/// Messages that parse, whatever is then said to them.
fn valid() -> Vec<(&'static str, String, u16)> {
    let long = "so long ".repeat(500);
    vec![
        (
            "wsinv",
            edited(&[
                ("To: <", "TO :\n <"),
                ("desk.example>\n", "desk.example>  ;\n  tag  =  9\n"),
                ("CSeq: 7 ", "cseq: 0007\n  "),
            ]),
            481,
        ),
        ("intmeth", of("~Odd.Method-`+'", &[]), 501),
        ("esc01", edited(&[("bo@desk.example SIP", "b%6F%3Bx@desk.example;p=%31 SIP")]), 100),
        ("escnull", of("REGISTER", &[("To: <sip:bo@", "To: <sip:b%00o@")]), 405),
        ("esc02", of("OPTI%4FNS", &[]), 501),
        ("lwsdisp", of("OPTIONS", &[("\"Al\" <", "one two<")]), 200),
        (
            "longreq",
            edited(&[("\"Al\"", &format!("\"{long}\"")), ("Max-", &format!("X-Note: {long}\nMax-"))]),
            100,
        ),
        ("dblreq", of("REGISTER", &[]) + GOOD, 405),
        ("semiuri", of("OPTIONS", &[("bo@desk.example SIP", "bo;a=b%40c@desk.example SIP")]), 200),
        (
            "transports",
            of("OPTIONS", &[("Max-", "Via: SIP/2.0/SCTP a;branch=z9hG4bK1\nVia: SIP/2.0/PIGEON b\nMax-")]),
            200,
        ),
        (
            "mpart01",
            of(
                "MESSAGE",
                &[("Content-Length: 0\n\n", "Content-Type: multipart/mixed;boundary=x\n\n--x\n\na\n--x--\n")],
            ),
            405,
        ),
        ("unreason", response("SIP/2.0 200 \u{2713} = 1 + 1", "127.0.0.1:5070"), 0),
        ("noreason", response("SIP/2.0 180 ", "127.0.0.1:5070"), 0),
        (
            "inv2543",
            edited(&[
                (";branch=z9hG4bKown", ""),
                (";tag=98", ""),
                ("Max-Forwards: 70\n", ""),
                ("Content-Length: 0\n", ""),
            ]),
            100,
        ),
    ]
}

/// Messages that do not, or that contradict themselves.
fn invalid() -> Vec<(&'static str, String, u16)> {
    vec![
        ("badinv01", edited(&[("127.0.0.1:6000>", "127.0.0.1:6000>;;,;")]), 400),
        ("clerr", edited(&[("Length: 0", "Length: 40")]), 400),
        ("ncl", edited(&[("Length: 0", "Length: -1")]), 400),
        ("scalar02", edited(&[("CSeq: 7 ", "CSeq: 4294967296 ")]), 400),
        (
            "scalarlg",
            response("SIP/2.0 503 No", "127.0.0.1:5070").replace("1 INVITE", "9292394834772304023312 INVITE"),
            0,
        ),
        ("quotbal", edited(&[("To: <", "To: \"open <")]), 400),
        ("ltgtruri", edited(&[("sip:bo@desk.example SIP", "<sip:bo@desk.example;lr> SIP")]), 400),
        ("lwsruri", edited(&[("desk.example SIP", "desk.example ;lr SIP")]), 400),
        ("lwsstart", edited(&[("desk.example SIP", "desk.example  SIP")]), 400),
        ("trws", edited(&[("SIP/2.0\nVia", "SIP/2.0 \t\nVia")]), 400),
        ("escruri", edited(&[("desk.example SIP", "desk.example?Subject=%41 SIP")]), 400),
        ("baddate", edited(&[("Max-", "Date: Sat, 31 Feb 2026 25:00:00 CET\nMax-")]), 100),
        (
            "regbadct",
            of("REGISTER", &[("<sip:al@127.0.0.1:6000>", "sip:al@127.0.0.1?Route=%3Csip:x%3E")]),
            405,
        ),
        ("badaspec", of("OPTIONS", &[("<sip:bo@desk.example>", "< sip:bo@desk.example >")]), 200),
        ("baddn", edited(&[("\"Al\" <", "Al, of Home <")]), 400),
        ("badvers", edited(&[("SIP/2.0\nVia", "SIP/3.0\nVia")]), 505),
        ("mismatch01", of("OPTIONS", &[("7 OPTIONS", "7 BYE")]), 400),
        ("mismatch02", of("GREET", &[("7 GREET", "7 INVITE")]), 501),
        ("bigcode", response("SIP/2.0 65736 Odd", "127.0.0.1:5070"), 0),
    ]
}

/// Messages that parse and that ask for what is not there.
fn semantic() -> Vec<(&'static str, String, u16)> {
    vec![
        ("badbranch", of("OPTIONS", &[("z9hG4bKown", "z9hG4bK")]), 200),
        ("insuf", edited(&[("Call-ID: own@home.example\n", "")]), 400),
        ("unkscm", of("OPTIONS", &[("sip:bo@desk.example SIP", "gopher://desk.example/1 SIP")]), 416),
        ("novelsc", of("OPTIONS", &[("sip:bo@desk.example SIP", "urn:service:sos SIP")]), 416),
        ("unksm2", of("REGISTER", &[("To: <sip:bo@desk.example>", "To: <urn:isbn:9>")]), 405),
        ("bext01", of("OPTIONS", &[("Max-", "Require: levitation\nProxy-Require: rain\nMax-")]), 420),
        (
            "invut",
            edited(&[("Content-Length: 0\n\n", "Content-Type: text/tea\nContent-Length: 3\n\ntea")]),
            415,
        ),
        ("regaut01", of("REGISTER", &[("Max-", "Authorization: NeverHeard a=\"b\"\nMax-")]), 405),
        (
            "multi01",
            edited(&[("Max-", "From: <sip:eve@home.example>;tag=2\nTo: <sip:cy@desk.example>\nMax-")]),
            400,
        ),
        ("mcl01", of("OPTIONS", &[("Length: 0", "Length: 3\nContent-Length: 4"), ("\n\n", "\n\nabcd")]), 400),
        ("bcast", response("SIP/2.0 200 OK", "224.0.0.1:5070"), 0),
        ("zeromf", of("OPTIONS", &[(": 70", ": 0")]), 200),
        ("cparam01", of("REGISTER", &[("6000>", "6000>;never=heard")]), 405),
        ("cparam02", of("REGISTER", &[("6000>", "6000;never=heard>")]), 405),
        ("regescrt", of("REGISTER", &[("6000>", "6000?Route=%3Csip:x.example%3E>")]), 405),
        ("sdp01", edited(&[("Max-", "Accept: text/tea\nMax-")]), 406),
    ]
}

#[test]
fn each_of_our_own_messages_gets_its_answer() {
    let all = [valid(), invalid(), semantic()].concat();
    let wrong: Vec<_> = all
        .iter()
        .map(|(name, text, code)| (*name, reaction(text), *code))
        .filter(|(_, got, code)| got != code)
        .collect();
    assert!(wrong.is_empty(), "(message, answer, expected): {wrong:?}");
}

#[test]
fn each_message_of_the_rfc_has_its_neighbour() {
    let mut ours: Vec<_> = [valid(), invalid(), semantic()].concat().into_iter().map(|case| case.0).collect();
    let table = include_str!("torture/expected.txt").lines();
    let theirs = table.filter_map(|line| line.strip_prefix("rfc4475/")?.split_once(".dat"));
    let mut theirs: Vec<_> = theirs.map(|(name, _)| name).collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
}
