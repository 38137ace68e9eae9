//! Whose challenges within a call are answered: the trunk's, if nobody beyond it is in the dialog, and no other.
#![cfg(test)]

mod bed;

use bed::raw::{CHALLENGE, credentials, raw_callee};
use bed::{A, ANSWER, Bed, OFFER, RAW, hang_up, header, response_to};
use sip::{CallKey, Order, Refer, ReferTarget};

/// A call whose INVITE the trunk challenged. `contact` and `routes` are what its 200 says.
fn challenged_call(seed: u64, contact: &str, routes: &str) -> Bed {
    let (mut bed, invite) = raw_callee(seed, credentials());
    bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", CHALLENGE, ""));
    let invite = bed.last("A INVITE");
    assert!(invite.contains("Authorization: "));
    let more = format!("Contact: <{contact}>\r\n{routes}");
    bed.inject(A, RAW, &response_to(&invite, "200 OK", "one", &more, std::str::from_utf8(ANSWER).unwrap()));
    bed
}

/// How many of the requests of a method carry credentials.
fn with_credentials(bed: &Bed, method: &str) -> usize {
    let of = |text: &String| text.starts_with(method) && text.contains("uthorization: Digest");
    bed.packets.iter().map(|(_, packet)| packet.text()).filter(of).count()
}

#[test]
fn a_bye_is_answered_for_the_trunk_alone() {
    let trunk = format!("sip:one@{RAW}");
    let check = |contact: &str, routes: &str, from: &str, challenge: &str, wanted: usize| {
        let mut bed = challenged_call(1, contact, routes);
        bed.order(A, hang_up(CallKey(1)));
        let bye = bed.last("A BYE");
        let status = if challenge.starts_with("Proxy") {
            "407 Proxy Authentication Required"
        } else {
            "401 Unauthorized"
        };
        bed.inject(A, from, &response_to(&bye, status, "one", challenge, ""));
        assert_eq!(with_credentials(&bed, "BYE"), wanted, "{contact} {routes} {from} {challenge}");
        assert_eq!(bed.heard(A).last().map(String::as_str), Some("ended Local"));
        bed.run_out();
    };
    check(&trunk, "", RAW, CHALLENGE, 1);
    check("sip:one@127.0.0.1:7000", "", RAW, CHALLENGE, 1);
    // The callee itself is reached without the trunk.
    check("sip:callee@192.0.2.7", "", "192.0.2.7:5060", CHALLENGE, 0);
    check("sip:callee@192.0.2.7", "", RAW, CHALLENGE, 0);
    // The trunk only routes: behind it somebody may say what it wants.
    check("sip:callee@192.0.2.7", &format!("Record-Route: <sip:{RAW};lr>\r\n"), RAW, CHALLENGE, 0);
    check("sip:callee@host.example", &format!("Record-Route: <sip:{RAW};lr>\r\n"), RAW, CHALLENGE, 0);
    check(&trunk, "Record-Route: <sip:192.0.2.7;lr>\r\n", RAW, CHALLENGE, 0);
    check(&trunk, &format!("Record-Route: <sip:{RAW};lr>\r\n"), RAW, CHALLENGE, 1);
    // Another source, another realm, another kind than the INVITE's challenge.
    check(&trunk, "", "203.0.113.9:5060", CHALLENGE, 0);
    check(&trunk, "", RAW, &CHALLENGE.replace("trunk", "other"), 0);
    check(&trunk, "", RAW, &CHALLENGE.replace("WWW", "Proxy"), 0);
}

#[test]
fn a_refused_answer_is_not_given_twice_unless_its_nonce_was_stale() {
    for (again, wanted) in [(CHALLENGE.to_owned(), 1), (CHALLENGE.replace("qop", "stale=true, qop"), 2)] {
        let mut bed = challenged_call(2, &format!("sip:one@{RAW}"), "");
        bed.order(A, hang_up(CallKey(1)));
        let bye = bed.last("A BYE");
        bed.inject(A, RAW, &response_to(&bye, "401 Unauthorized", "one", CHALLENGE, ""));
        for _ in 0..4 {
            let bye = bed.last("A BYE");
            bed.inject(A, RAW, &response_to(&bye, "401 Unauthorized", "one", &again, ""));
        }
        assert_eq!(with_credentials(&bed, "BYE"), wanted);
        bed.run_out();
    }
}

#[test]
fn every_request_within_the_call_may_be_challenged_by_the_trunk() {
    let mut bed = challenged_call(3, &format!("sip:one@{RAW}"), "");
    bed.order(A, Order::Reinvite { key: CallKey(1), sdp: OFFER.to_vec() });
    let target = ReferTarget::Uri("sip:x@h".into());
    bed.order(
        A,
        Order::Refer { key: CallKey(1), refer: Refer { target, referred_by: false, wants_progress: true } },
    );
    let (reinvite, refer) = (bed.last("A INVITE"), bed.last("A REFER"));
    let nonce = |n: u32| CHALLENGE.replace("n1", &format!("m{n}"));
    bed.inject(A, RAW, &response_to(&reinvite, "401 Unauthorized", "one", &nonce(1), ""));
    bed.inject(A, RAW, &response_to(&refer, "401 Unauthorized", "one", &nonce(1), ""));
    let (reinvite, refer) = (bed.last("A INVITE"), bed.last("A REFER"));
    assert!(header(&reinvite, "Authorization").contains("nc=00000001"), "{reinvite}");
    assert!(header(&refer, "Authorization").contains("nc=00000002"), "the nonce is counted: {refer}");
    assert!(reinvite.ends_with(std::str::from_utf8(OFFER).unwrap()));
    let more = format!("Contact: <sip:one@{RAW}>\r\n");
    bed.inject(A, RAW, &response_to(&reinvite, "200 OK", "one", &more, std::str::from_utf8(ANSWER).unwrap()));
    bed.inject(A, RAW, &response_to(&refer, "202 Accepted", "one", "", ""));
    assert_eq!(bed.heard(A)[1..], ["reinvite answered", "refer Accepted"]);
}

#[test]
fn a_restored_call_still_answers_the_trunk() {
    let mut bed = challenged_call(4, &format!("sip:one@{RAW}"), "");
    let snapshot = bed.peers[A].endpoint.dialog_snapshot(CallKey(1)).unwrap();
    assert_eq!(snapshot.realms, [(false, "trunk".to_owned())]);
    assert!(!serde_json::to_string(&snapshot).unwrap().contains("secret"));
    let (now, address) = (bed.now, bed.peers[A].address);
    bed.peers[A].endpoint = sip::Endpoint::new(bed::config(address), [99; 32]);
    bed.peers[A].endpoint.restore(CallKey(1), snapshot, credentials(), now).unwrap();
    bed.order(A, hang_up(CallKey(1)));
    let bye = bed.last("A BYE");
    bed.inject(A, RAW, &response_to(&bye, "401 Unauthorized", "one", CHALLENGE, ""));
    assert_eq!(with_credentials(&bed, "BYE"), 1);
    bed.run_out();
}

#[test]
fn a_challenged_prack_is_answered_for_the_trunk() {
    let (mut bed, invite) = raw_callee(5, credentials());
    bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", CHALLENGE, ""));
    let invite = bed.last("A INVITE");
    let more = format!("Contact: <sip:one@{RAW}>\r\nRequire: 100rel\r\nRSeq: 5\r\n");
    bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "one", &more, ""));
    let prack = bed.last("A PRACK");
    bed.inject(A, "203.0.113.9:5060", &response_to(&prack, "401 Unauthorized", "one", CHALLENGE, ""));
    assert_eq!(with_credentials(&bed, "PRACK"), 0);
    let (mut bed, invite) = raw_callee(6, credentials());
    bed.inject(A, RAW, &response_to(&invite, "401 Unauthorized", "x", CHALLENGE, ""));
    let invite = bed.last("A INVITE");
    bed.inject(A, RAW, &response_to(&invite, "180 Ringing", "one", &more, ""));
    let prack = bed.last("A PRACK");
    bed.inject(A, RAW, &response_to(&prack, "401 Unauthorized", "one", CHALLENGE, ""));
    assert_eq!(with_credentials(&bed, "PRACK"), 1);
    assert_eq!(header(&bed.last("A PRACK"), "RAck"), "5 2 INVITE");
}
