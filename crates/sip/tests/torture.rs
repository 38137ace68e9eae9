//! What RFC 4475 asks of a user agent, in messages of our own: odd but good ones are understood, bad ones get the exact
//! code or silence, and the endpoint answers afterwards.
#![cfg(test)]

mod bed;

use bed::{A, B, Bed, RAW};
use sip::Event;
use sip::message::{HeaderName, Message, NameAddr, StartLine, Uri, Via};

/// What B says to one datagram: the code, or nothing. Afterwards it still answers OPTIONS.
fn reaction(bytes: &[u8]) -> Option<u16> {
    let mut bed = Bed::new(1);
    let now = bed.now;
    bed.peers[B].endpoint.handle_datagram(RAW.parse().unwrap(), bytes, now);
    bed.drain(B);
    let code =
        bed.packets.first().map(|(_, packet)| packet.name().split(' ').next().unwrap().parse().unwrap());
    bed.inject(B, RAW, "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKz\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b>\r\ni: z\r\nCSeq: 1 OPTIONS\r\n\r\n");
    assert_eq!(bed.packets.last().map(|(_, packet)| packet.name()).as_deref(), Some("200 OPTIONS"));
    code
}

#[track_caller]
fn check(name: &str, message: &str, wanted: Option<u16>) {
    assert_eq!(reaction(message.replace('\n', "\r\n").as_bytes()), wanted, "{name}:\n{message}");
}

/// An INVITE that lacks nothing, with one edit.
fn edited(from: &str, to: &str) -> String {
    let good = "INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKgood\n\
        From: \"Al\" <sip:al@example.com>;tag=98\nTo: <sip:bob@example.com>\nCall-ID: good@example.com\n\
        CSeq: 7 INVITE\nContact: <sip:al@127.0.0.1:6000>\nMax-Forwards: 70\nContent-Length: 0\n\n";
    assert!(good.contains(from), "{from}");
    good.replacen(from, to, 1)
}

#[test]
fn odd_but_good_messages_are_served() {
    // White space wherever it may stand, folded lines, compact forms, odd case, unknown headers with odd values.
    let crooked = "INVITE sip:bob@desk.example.com;unknownparam SIP/2.0\nTO :\n sip:bob@desk.example.com ;   tag    = 77t\n";
    check(
        "crooked to, in a dialog we do not know",
        &format!(
            "{crooked}from   : \"Al Caller \\\\\\\"\"       <sip:al@example.com>\n  ;\n  tag = 98al\nMaX-fOrWaRdS: 0068\nCall-ID: crooked@192.0.2.1\nCSeq: 0009\n  INVITE\nVia  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=z1\ns :\nNeverHeardOf:   some value\n continued some value\nNorOfThis: ;;,,;;,;\nv:  SIP  / 2.0  / TCP     proxy.example.com   ;\n  branch  =   z9hG4bKa1  ,\n SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bKb2\nm:\"Quoted string \\\"\\\"\" <sip:al@example.com> ; newparam =\n      newvalue ;\n  secondparam ; q = 0.33\n\n"
        ),
        Some(481),
    );
    check(
        "compact forms",
        &edited("From:", "f:")
            .replace("To:", "t:")
            .replace("Call-ID:", "i:")
            .replace("Contact:", "m:")
            .replace("Content-Length:", "l:")
            .replace("Via:", "v:"),
        Some(100),
    );
    check(
        "the widest range of characters in a method",
        "!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\nVia: SIP/2.0/UDP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\nTo: \"BEL:\\\x07 NUL:\\\x01 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\nFrom: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\u{440}\u{430}\u{431}\";tag=_token~1'+`*%!-.\nCall-ID: oddmethod.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\nCSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~\nMax-Forwards: 255\n\n",
        Some(501),
    );
    check(
        "escapes in a method are no escapes",
        &edited("INVITE sip", "INV%49TE sip").replace("7 INVITE", "7 INV%49TE"),
        Some(501),
    );
    check(
        "escapes in the user part",
        &edited("sip:bob@example.com SIP", "sip:sips%3Auser%40example.com@example.net SIP"),
        Some(100),
    );
    check(
        "parameters in the user part",
        &edited("sip:bob@example.com SIP", "sip:user;par=u%40example.net@example.com SIP"),
        Some(100),
    );
    check("a display name in folds", &edited("\"Al\" ", "\"Al\n  Bert\"\n "), Some(100));
    check("no space before the bracket", &edited("\"Al\" ", "caller"), Some(100));
    check(
        "a very long message",
        &edited(
            "Max-Forwards: 70\n",
            &format!(
                "Max-Forwards: 70\nX: {}\n{}",
                "long ".repeat(2_000),
                "Via: SIP/2.0/UDP h;branch=z9hG4bKx\n".repeat(40)
            ),
        ),
        Some(100),
    );
    check(
        "a second request behind the first",
        &(edited("INVITE", "OPTIONS").replace("7 INVITE", "7 OPTIONS") + &edited("", "")),
        Some(200),
    );
    check(
        "many transports",
        &edited("Max-Forwards", "Via: SIP/2.0/UNKNOWN t6;branch=z9hG4bK1, SIP/2.0/TLS-SCTP t7\nMax-Forwards"),
        Some(100),
    );
    check(
        "a peer of RFC 2543",
        "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\nFrom: <sip:+13035551111@ift.example.net;user=phone>\nRecord-Route: <sip:UserB@example.com;maddr=ss1.example.com>\nTo: sip:+16505552222@ss1.example.net;user=phone\nCall-ID: inv2543.1717@ift.example.com\nCSeq: 56 INVITE\n\n",
        Some(100),
    );
    check("a cookie without branch", &edited("z9hG4bKgood", "z9hG4bK"), Some(100));
    check("an unknown scheme in To", &edited("To: <sip:bob@example.com>", "To: isbn:2983792873"), Some(100));
    check("tel", &edited("sip:bob@example.com SIP", "tel:+1-555-0100;phone-context=x SIP"), Some(100));
    check("IPv6", &edited("sip:bob@example.com SIP", "sip:bob@[2001:db8::10] SIP"), Some(100));
    assert_eq!(reaction(edited("", "").as_bytes()), Some(100), "line ends of LF alone");
    let quotes = "Subject: \"unbalanced is nobody's business here\n";
    check(
        "what matters not may be malformed",
        &edited("Max-Forwards", &format!("Date: Fri, 01 Jan 2010 16:00:00 EST\n{quotes}Max-Forwards")),
        Some(100),
    );
    check(
        "no Max-Forwards hops left, but we are the end",
        &edited("INVITE", "OPTIONS").replace("7 INVITE", "7 OPTIONS").replace(": 70", ": 0"),
        Some(200),
    );
}

#[test]
fn bad_messages_get_their_code() {
    check("separators without parameters in Via", &edited(";branch=z9hG4bKgood", ";;,;,,"), Some(400));
    check(
        "separators without parameters in Contact",
        &edited("<sip:al@127.0.0.1:6000>", "\"Joe\" <sip:joe@example.org>;;;;"),
        Some(400),
    );
    check("Content-Length beyond the datagram", &edited("Length: 0", "Length: 9999"), Some(400));
    check("negative Content-Length", &edited("Length: 0", "Length: -999"), Some(400));
    check("two Content-Lengths", &edited("Length: 0", "Length: 0\nContent-Length: 10"), Some(400));
    check("numbers too large", &edited("CSeq: 7", "CSeq: 36893488147419103232"), Some(400));
    check("Max-Forwards too large", &edited("Forwards: 70", "Forwards: 300"), Some(400));
    check("unterminated quote", &edited("To: <sip", "To: \"Mr. J. User <sip"), Some(400));
    check(
        "brackets around the Request-URI",
        &edited("sip:bob@example.com SIP", "<sip:bob@example.com> SIP"),
        Some(400),
    );
    check(
        "space within the Request-URI",
        &edited("sip:bob@example.com SIP", "sip:bob@example.com; lr SIP"),
        Some(400),
    );
    check("too much space in the request line", &edited("INVITE sip", "INVITE  sip"), Some(400));
    check("space behind the version", &edited("SIP/2.0\nVia", "SIP/2.0  \nVia"), Some(400));
    check(
        "headers in the Request-URI",
        &edited("sip:bob@example.com SIP", "sip:bob@example.com?Route=%3Csip:example.com%3E SIP"),
        Some(400),
    );
    check(
        "unknown scheme in the Request-URI",
        &edited("sip:bob@example.com SIP", "nobodyKnowsThisScheme:totallyopaquecontent SIP"),
        Some(416),
    );
    check(
        "another scheme in the Request-URI",
        &edited("sip:bob@example.com SIP", "soap.beep://192.0.2.103:3002 SIP"),
        Some(416),
    );
    check("another version", &edited("SIP/2.0\nVia", "SIP/7.0\nVia"), Some(505));
    check("methods that differ", &edited("7 INVITE", "7 OPTIONS"), Some(400));
    check("methods that differ, unknown", &edited("INVITE sip", "NEWMETHOD sip"), Some(501));
    check(
        "no session description is taken",
        &edited("Max-Forwards", "Accept: text/odd\nMax-Forwards"),
        Some(406),
    );
    check(
        "extension required",
        &edited("Max-Forwards", "Require: nothingSupportsThis\nMax-Forwards"),
        Some(420),
    );
    check(
        "body of an unknown type",
        &(edited("Length: 0", "Length: 3\nContent-Type: application/unknownformat") + "<a>"),
        Some(415),
    );
    check(
        "twice what must stand once",
        &edited("CSeq: 7 INVITE", "CSeq: 7 INVITE\nCSeq: 59 INVITE"),
        Some(400),
    );
    check("two Call-IDs", &edited("Call-ID", "Call-ID: other\nCall-ID"), Some(400));
    check("no From", &edited("From: \"Al\" <sip:al@example.com>;tag=98\n", ""), Some(400));
    check("no Call-ID", &edited("Call-ID: good@example.com\n", ""), Some(400));
    check(
        "To without scheme",
        &edited("To: <sip:bob@example.com>", "To: \"Watson, Thomas\" < t.holmes@example.org >"),
        Some(400),
    );
    check("comma outside quotes", &edited("\"Al\" ", "Bell, Alexander "), Some(400));
    check(
        "Contact with headers and no brackets",
        &edited("<sip:al@127.0.0.1:6000>", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
        Some(400),
    );
    check("a line without colon", &edited("Max-Forwards: 70", "Max-Forwards 70"), Some(400));
    check("a header name with spaces before it", &edited("\nVia", "\n : x\nVia"), Some(400));
    check("headers that never end", edited("", "").trim_end(), Some(400));
    check("65 headers", &edited("Max-Forwards: 70\n", &"X: y\n".repeat(60)), Some(400));
    check("bad escape", &edited("sip:bob@example.com SIP", "sip:b%zzob@example.com SIP"), Some(400));
    check("no host", &edited("sip:bob@example.com SIP", "sip:bob@ SIP"), Some(400));
    check(
        "register",
        &edited("INVITE sip:bob@", "REGISTER sip:").replace("7 INVITE", "7 REGISTER"),
        Some(405),
    );
}

#[test]
fn ipv6_addresses_stand_where_they_may() {
    let options = || edited("INVITE", "OPTIONS").replace("7 INVITE", "7 OPTIONS");
    let uri = |uri: &str| options().replacen("sip:bob@example.com SIP", &format!("{uri} SIP"), 1);
    check("a reference", &uri("sip:[2001:db8::8]"), Some(200));
    check("none", &uri("sip:2001:db8::8"), Some(400));
    check("a port within it", &uri("sip:[2001:db8::8:5070]"), Some(200));
    check("a port behind it", &uri("sip:[2001:db8::8]:5070"), Some(200));
    check("two colons before IPv4", &uri("sip:bob@[2001:db8::192.0.2.8]"), Some(200));
    check("three colons before IPv4", &uri("sip:bob@[2001:db8:::192.0.2.8]"), Some(200));
    check("three colons elsewhere", &uri("sip:bob@[2001:db8:::8]"), Some(400));
    let via = |via: &str| options().replacen("127.0.0.1:6000;", via, 1);
    check("received in brackets", &via("[2001:db8::8:1];received=[2001:db8::8:2];"), Some(200));
    check("received without", &via("[2001:db8::8:1];received=2001:db8::8:2;"), Some(200));
    check("two families", &via("[2001:db8::8]:6050;a=b,SIP/2.0/TCP 192.0.2.8;"), Some(200));
    check(
        "mapped",
        &via("[::ffff:192.0.2.8]:19;").replace("al@127.0.0.1", "al@[::ffff:192.0.2.8]"),
        Some(200),
    );
}

#[test]
fn responses_nobody_asked_for_are_dropped() {
    let good = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1.0000000000000000\nFrom: <sip:a@b>;tag=1\n\
        To: <sip:c@d>;tag=2\nCall-ID: x\nCSeq: 1 INVITE\n\n";
    check("unasked", good, None);
    check("code of four digits", &good.replace("200 OK", "4294967301 better not break"), None);
    check("no reason", &good.replace("200 OK", "100 "), None);
    check("no reason, no space", &good.replace("200 OK", "100"), None);
    check("odd reason", &good.replace("200 OK", "200 = 2**3 * 5**2 \u{43d}\u{43e}"), None);
    check("broadcast in Via", &good.replace("127.0.0.1:5070", "255.255.255.255"), None);
}

#[test]
fn one_bad_byte_in_one_header_does_not_lose_the_others() {
    let mut bed = Bed::new(2);
    let text =
        edited("\"Al\" ", "\"J~rgen\" ").replace("Max-Forwards", "X-Note: gr~n\nX-Fine: yes\nMax-Forwards");
    let bytes: Vec<u8> =
        text.replace('\n', "\r\n").bytes().map(|byte| if byte == b'~' { 0xfc } else { byte }).collect();
    let now = bed.now;
    bed.peers[B].endpoint.handle_datagram(RAW.parse().unwrap(), &bytes, now);
    bed.drain(B);
    let Some((_, Event::Incoming { call, .. })) = bed.peers[B].events.first() else { panic!() };
    assert_eq!((call.from_display.as_deref(), call.from_user.as_str()), (Some("J\u{fffd}rgen"), "al"));
    assert_eq!(call.headers[1], ("X-Fine".to_owned(), "yes".to_owned()));
    let reply = &bed.packets[0].1.bytes;
    assert!(reply.windows(7).any(|window| window == b"J\xfcrgen\""), "From comes back byte for byte");
}

#[test]
fn a_body_without_content_length_is_all_the_rest() {
    let text = edited("Content-Length: 0\n\n", "Content-Type: application/sdp\n\nv=0\n");
    let mut bed = Bed::new(3);
    bed.inject(B, RAW, &text);
    let Some((_, Event::Incoming { call, .. })) = bed.peers[B].events.first() else { panic!() };
    assert_eq!(call.sdp.as_deref(), Some(b"v=0\n".as_slice()));
    bed.inject(A, RAW, &text.replace("Content-Type", "Content-Length: 3\nContent-Type"));
    let Some((_, Event::Incoming { call, .. })) = bed.peers[A].events.first() else { panic!() };
    assert_eq!(call.sdp.as_deref(), Some(b"v=0".as_slice()), "beyond Content-Length is not of the body");
}

#[test]
fn the_parser_shows_what_stands_there() {
    let text = edited("Max-Forwards", "Via: SIP/2.0/UDP b, SIP/2.0/UDP c\nX-One: 1\nMax-Forwards");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert!(matches!(message.start, StartLine::Request { uri: b"sip:bob@example.com", .. }));
    let hosts: Vec<_> =
        message.elements(HeaderName::Via).map(|via| Via::parse(via).unwrap().host.to_owned()).collect();
    assert_eq!(hosts, ["127.0.0.1", "b", "c"]);
    assert_eq!(message.other("x-ONE"), Some(b"1".as_slice()));
    assert_eq!(message.count(HeaderName::Via), 2);
    let from = NameAddr::parse(message.value(HeaderName::From).unwrap()).unwrap();
    assert_eq!(
        (from.display().as_deref(), from.tag(), from.uri()),
        (Some("Al"), Some("98"), Uri::parse("sip:al@example.com").unwrap())
    );
}
