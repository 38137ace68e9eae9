//! Searches against a small DNS in a table.

use super::*;

/// A zone file in few words: `name NAPTR order pref service replacement`, `name SRV prio weight port target`,
/// `name A address`.
struct Zone(&'static str);

impl Zone {
    fn lines<'z>(&'z self, name: &str, kind: &str) -> Vec<Vec<&'z str>> {
        let lines = self.0.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.filter(|words| words.len() > 2 && words[0] == name && words[1] == kind).collect()
    }

    fn answer(&self, query: &Query) -> Records {
        match query {
            Query::Naptr(name) => {
                let naptr = |w: Vec<&str>| Naptr {
                    order: w[2].parse().unwrap(),
                    preference: w[3].parse().unwrap(),
                    flags: "s".into(),
                    service: w[4].into(),
                    replacement: w[5].into(),
                };
                Records::Naptr(self.lines(name, "NAPTR").into_iter().map(naptr).collect())
            }
            Query::Srv(name) => {
                let srv = |w: Vec<&str>| Srv {
                    priority: w[2].parse().unwrap(),
                    weight: w[3].parse().unwrap(),
                    port: w[4].parse().unwrap(),
                    target: w[5].into(),
                };
                Records::Srv(self.lines(name, "SRV").into_iter().map(srv).collect())
            }
            Query::Addresses(name) => {
                Records::Addresses(self.lines(name, "A").into_iter().map(|w| w[2].parse().unwrap()).collect())
            }
        }
    }
}

/// The example of RFC 3263 §4.1 and §4.2, with addresses and a second SRV priority.
const RFC_3263: Zone = Zone(
    "example.com NAPTR 50 50 SIPS+D2T _sips._tcp.example.com.
     example.com NAPTR 90 50 SIP+D2T _sip._tcp.example.com
     example.com NAPTR 100 50 SIP+D2U _sip._udp.example.com.
     _sip._tcp.example.com SRV 0 1 5060 Server1.example.com.
     _sip._tcp.example.com SRV 1 2 5080 server2.example.com
     _sips._tcp.example.com SRV 0 1 5061 server1.example.com
     _sip._udp.example.com SRV 0 1 5060 server2.example.com
     server1.example.com A 192.0.2.1
     server1.example.com A 2001:db8::1
     server2.example.com A 192.0.2.2
     example.com A 192.0.2.9",
);

fn speaks(words: &str) -> Speaks {
    let transports = words.split(' ').filter_map(Transport::from_parameter).collect();
    Speaks { transports, ipv4: true, ipv6: words.contains("v6") }
}

/// What a URI leads to, in words, and the questions asked.
fn search(uri: &str, ours: &str, zone: &Zone, random: u64) -> (String, Vec<Query>) {
    let mut asked = Vec::new();
    let mut locator = match Locator::new(&Uri::parse(uri).unwrap(), speaks(ours), random) {
        Ok(locator) => locator,
        Err(error) => return (format!("{error:?}"), asked),
    };
    // All open questions are asked at once and answered from the last to the first.
    while locator.result().is_none() {
        let open: Vec<_> = std::iter::from_fn(|| locator.poll()).collect();
        assert!(!open.is_empty(), "{uri}: nothing to ask and no result");
        for query in open.iter().rev() {
            locator.handle(query, zone.answer(query), Some(60));
        }
        asked.extend(open);
    }
    let words = match locator.result().unwrap() {
        Ok(places) => {
            let word = |place: Place| format!("{} {}", place.hop.transport.parameter(), place.hop.address);
            places.map(word).collect::<Vec<_>>().join(", ")
        }
        Err(error) => format!("{error:?}"),
    };
    (words, asked)
}

#[track_caller]
fn check(uri: &str, ours: &str, zone: &Zone, wanted: &str, questions: usize) {
    let (found, asked) = search(uri, ours, zone, 1);
    assert_eq!((found.as_str(), asked.len()), (wanted, questions), "{uri} by {ours}: {asked:?}");
}

#[test]
fn the_examples_of_the_rfc_hold() {
    // §4.1: a client that speaks TCP, UDP and TLS takes the order of NAPTR; one without TLS starts with TCP.
    let all = "tls 192.0.2.1:5061, tcp 192.0.2.1:5060, tcp 192.0.2.2:5080, udp 192.0.2.2:5060";
    check("sip:user@example.com", "udp tcp tls", &RFC_3263, all, 6);
    let plain = "tcp 192.0.2.1:5060, tcp 192.0.2.2:5080, udp 192.0.2.2:5060";
    check("sip:user@Example.Com", "udp tcp", &RFC_3263, plain, 5);
    check("sip:user@example.com", "udp", &RFC_3263, "udp 192.0.2.2:5060", 3);
    check("sips:user@example.com", "udp tcp tls", &RFC_3263, "tls 192.0.2.1:5061", 3);
    check(
        "sips:user@example.com",
        "udp tcp tls v6",
        &RFC_3263,
        "tls 192.0.2.1:5061, tls [2001:db8::1]:5061",
        3,
    );
}

#[test]
fn what_the_uri_says_needs_no_question() {
    let check =
        |uri: &str, wanted: &str, questions| check(uri, "udp tcp tls v6", &RFC_3263, wanted, questions);
    check("sip:a@192.0.2.77", "udp 192.0.2.77:5060", 0);
    check("sip:a@192.0.2.77:5070;transport=tcp", "tcp 192.0.2.77:5070", 0);
    check("sips:a@[2001:db8::7]", "tls [2001:db8::7]:5061", 0);
    check("sip:a@example.com:5070", "udp 192.0.2.9:5070", 1);
    check("sips:a@example.com:5070", "tls 192.0.2.9:5070", 1);
    check("sip:a@example.com:5070;transport=tls", "tls 192.0.2.9:5070", 1);
    check(
        "sip:a@example.com;transport=tcp",
        "tcp 192.0.2.1:5060, tcp [2001:db8::1]:5060, tcp 192.0.2.2:5080",
        3,
    );
    check("sips:a@example.com;transport=tcp", "tls 192.0.2.1:5061, tls [2001:db8::1]:5061", 2);
    check("sip:a@elsewhere;maddr=192.0.2.5", "udp 192.0.2.5:5060", 0);
    check("sip:a@elsewhere;maddr=server2.example.com:5", "NotFound", 4);
}

#[test]
fn without_naptr_srv_is_asked_and_without_srv_the_host() {
    let srv = Zone(
        "_sip._udp.b SRV 0 0 5090 b\n_sip._tcp.b SRV 0 0 5091 b\n_sips._tcp.b SRV 0 0 5092 b\nb A 192.0.2.3",
    );
    check("sip:b", "udp tcp tls", &srv, "udp 192.0.2.3:5090, tcp 192.0.2.3:5091", 4);
    check("sip:b", "tcp udp", &srv, "tcp 192.0.2.3:5091, udp 192.0.2.3:5090", 4);
    check("sips:b", "udp tcp tls", &srv, "tls 192.0.2.3:5092", 3);
    let host = Zone("b A 192.0.2.3");
    check("sip:b", "udp tcp tls", &host, "udp 192.0.2.3:5060", 4);
    check("sips:b", "udp tcp tls", &host, "tls 192.0.2.3:5061", 3);
    check("sip:b;transport=tcp", "udp tcp", &host, "tcp 192.0.2.3:5060", 2);
    check("sip:b", "tcp", &host, "tcp 192.0.2.3:5060", 3);
    check("sip:b", "tls", &host, "tls 192.0.2.3:5061", 2);
    let useless = Zone("b NAPTR 1 1 SIP+D2S _sip._sctp.b\n_sip._udp.b SRV 0 0 5090 b\nb A 192.0.2.3");
    check("sip:b", "udp", &useless, "udp 192.0.2.3:5090", 3);
    let closed = Zone("_sip._udp.b SRV 0 0 5060 .\nb A 192.0.2.3");
    check("sip:b", "udp", &closed, "udp 192.0.2.3:5060", 3);
}

#[test]
fn what_leads_nowhere_says_why() {
    let none = Zone("");
    let check = |uri, ours, wanted, questions| check(uri, ours, &none, wanted, questions);
    check("sip:b", "udp", "NotFound", 3);
    check("tel:+1", "udp", "NotSip", 0);
    check("sip:b;transport=sctp", "udp", "Transport", 0);
    check("sip:b;transport=tcp", "udp", "Transport", 0);
    check("sips:b;transport=udp", "udp tls", "Transport", 0);
    check("sips:192.0.2.1", "udp tcp", "Transport", 0);
    check("sip:[::1]", "udp", "NotFound", 0);
    check("sip:0.0.0.0", "udp", "NotFound", 0);
}

#[test]
fn each_place_is_tried_once_and_failed_ones_last() {
    let zone = Zone(
        "_sip._udp.b SRV 0 5 5060 h1\n_sip._udp.b SRV 0 5 5060 h2\n_sip._udp.b SRV 9 0 5060 h1\nh1 A 192.0.2.1\nh2 A 192.0.2.2",
    );
    let firsts: std::collections::BTreeSet<_> =
        (0..50).map(|random| search("sip:b", "udp", &zone, random).0).collect();
    let both = ["udp 192.0.2.1:5060, udp 192.0.2.2:5060", "udp 192.0.2.2:5060, udp 192.0.2.1:5060"];
    assert_eq!(firsts.into_iter().collect::<Vec<_>>(), both);
    assert_eq!(search("sip:b", "udp", &zone, 3), search("sip:b", "udp", &zone, 3));

    let hop = |last: u8| Hop::udp(SocketAddr::from(([192, 0, 2, last], 5060)));
    let place = |last| Place { hop: hop(last), host: String::new() };
    let mut places = Places::new(vec![place(1), place(2), place(3), place(4)]);
    assert_eq!(places.next(), Some(place(1)));
    places.put_last(|failed| failed == hop(2) || failed == hop(1));
    assert_eq!(places.by_ref().collect::<Vec<_>>(), [place(3), place(4), place(2)]);
    assert_eq!(places.all().len(), 4);
}

#[test]
fn a_flood_of_records_is_bounded() {
    let mut locator = Locator::new(&Uri::parse("sip:b;transport=udp").unwrap(), speaks("udp"), 0).unwrap();
    let query = locator.poll().unwrap();
    let srv = |n: u16| Srv { priority: n, weight: 0, port: 5060, target: format!("h{n}") };
    locator.handle(&Query::Srv("other".into()), Records::Srv(Vec::new()), None);
    locator.handle(&query, Records::Srv((0..1_000).map(srv).collect()), Some(600));
    let hosts: Vec<_> = std::iter::from_fn(|| locator.poll()).collect();
    assert_eq!(hosts.len(), HOSTS_MAX);
    let addresses: Vec<_> = (1..=200).map(|n| IpAddr::from([10, 0, 0, n])).collect();
    for host in &hosts {
        locator.handle(host, Records::Addresses(addresses.clone()), Some(30));
    }
    assert_eq!(
        locator.result().unwrap().unwrap().all().len(),
        ADDRESSES_MAX,
        "all hosts have the same addresses"
    );
    assert_eq!(locator.ttl_secs(), Some(30));
}

#[test]
fn failures_that_are_the_places_own_go_on_to_the_next() {
    use crate::endpoint::output::{FailedBy, Failure};
    let check = |code, by, wanted| {
        let failure = Failure {
            code,
            reason: String::new(),
            q850: None,
            retry_after_secs: None,
            contacts: Vec::new(),
            by,
        };
        assert_eq!(is_worth_another_place(&failure), wanted, "{code} {by:?}");
    };
    check(503, FailedBy::Remote, true);
    check(486, FailedBy::Remote, false);
    check(408, FailedBy::Remote, false);
    check(408, FailedBy::NoResponse, true);
    check(503, FailedBy::Transport, true);
    check(408, FailedBy::RingTimeout, false);
}
