//! Bindings by a table of REGISTERs: what is bound afterwards, and what the phone is told.

use super::*;

struct Bench {
    bindings: Bindings,
    now: Timestamp,
    cseq: u32,
}

/// A REGISTER of `contacts` as `uri expires` (no number: none asked) from a host of 192.0.2.0/24.
fn register(contacts: &[(&str, Option<u32>)], call_id: &str, cseq: u32) -> IncomingRegister {
    let contact = |(uri, expires_secs): &(&str, Option<u32>)| RegisterContact {
        uri: (*uri).to_owned(),
        expires_secs: *expires_secs,
        q_thousandths: if uri.contains("low") { 200 } else { 1_000 },
    };
    IncomingRegister {
        user: "al".into(),
        domain: "lyre".into(),
        request_uri: "sip:lyre".into(),
        contacts: contacts.iter().map(contact).collect(),
        star: false,
        call_id: call_id.into(),
        cseq,
        authorizations: Vec::new(),
        body: Vec::new(),
        source: Hop::tcp("192.0.2.7:40000".parse().unwrap()),
        user_agent: None,
        path: Vec::new(),
    }
}

impl Bench {
    fn new(limits: BindingLimits) -> Self {
        Self { bindings: Bindings::new(limits), now: Timestamp::from_millis(1_000_000), cseq: 0 }
    }

    /// What the phone is told, in few words.
    fn tell(&mut self, user: &str, register: &IncomingRegister) -> String {
        match self.bindings.register(user, register, self.now) {
            RegisterOutcome::Accept { contacts } => {
                let list = contacts.iter().map(|one| format!("{} {}", one.uri, one.expires_secs));
                list.collect::<Vec<_>>().join(", ")
            }
            RegisterOutcome::IntervalTooBrief { min_secs } => format!("423 {min_secs}"),
            RegisterOutcome::Refuse { code, .. } => code.to_string(),
            RegisterOutcome::Challenge { .. } => "401".into(),
        }
    }

    #[track_caller]
    fn check(&mut self, contacts: &[(&str, Option<u32>)], wanted: &str) {
        self.cseq += 1;
        assert_eq!(self.tell("al", &register(contacts, "c", self.cseq)), wanted, "{contacts:?}");
    }

    fn found(&self, user: &str) -> Vec<String> {
        self.bindings.lookup(user, self.now).into_iter().map(|binding| binding.uri).collect()
    }

    fn pass_secs(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }
}

#[test]
fn contacts_are_bound_refreshed_and_taken_back() {
    let mut bench = Bench::new(BindingLimits::default());
    bench.check(&[], "");
    bench.check(&[("sip:al@a", Some(600))], "sip:al@a 600");
    bench.check(&[("sip:al@b", None)], "sip:al@a 600, sip:al@b 3600");
    bench.pass_secs(100);
    bench.check(&[], "sip:al@a 500, sip:al@b 3500");
    bench.check(&[("sip:al@A", Some(99_999))], "sip:al@b 3500, sip:al@A 3600");
    bench.check(&[("sip:al@b", Some(0)), ("sip:al@x", Some(0))], "sip:al@A 3600");
    bench.check(&[("sip:al@A", None), ("sip:al@a", None)], "sip:al@a 3600");
    bench.check(&[("sip:al@a", Some(0)), ("sip:al@A", None)], "sip:al@A 3600");
    bench.check(&[("sip:al@c", Some(59))], "423 60");
    bench.check(&[("sip:al@c", Some(60)), ("tel:+1", None)], "400");
    bench.check(&[("sip:al@c?h=v", None)], "400");
    bench.check(&[], "sip:al@A 3600");
    bench.pass_secs(3_600);
    bench.check(&[], "");
    assert!(bench.bindings.is_empty() && bench.bindings.deadline().is_none());
}

#[test]
fn a_request_that_was_overtaken_changes_nothing() {
    let mut bench = Bench::new(BindingLimits::default());
    assert_eq!(bench.tell("al", &register(&[("sip:al@a", None)], "c", 5)), "sip:al@a 3600");
    for (call_id, cseq, wanted) in [("c", 5, "500"), ("c", 4, "500"), ("other", 1, "sip:al@a 60")] {
        assert_eq!(bench.tell("al", &register(&[("sip:al@a", Some(60))], call_id, cseq)), wanted);
    }
    let star = |call_id, cseq| IncomingRegister { star: true, ..register(&[], call_id, cseq) };
    assert_eq!(bench.tell("al", &star("other", 1)), "500");
    assert_eq!(bench.found("al"), ["sip:al@a"]);
    assert_eq!(bench.tell("al", &star("other", 2)), "");
    assert!(bench.found("al").is_empty());
}

#[test]
fn calls_go_to_where_the_phone_was_seen_the_most_wanted_first() {
    let mut bench = Bench::new(BindingLimits::default());
    bench.check(&[("sip:al@low", None)], "sip:al@low 3600");
    bench.check(&[("sip:al@old", None)], "sip:al@low 3600, sip:al@old 3600");
    bench.pass_secs(1);
    bench.check(&[("sip:al@10.0.0.9", None)], "sip:al@low 3599, sip:al@old 3599, sip:al@10.0.0.9 3600");
    assert_eq!(bench.found("al"), ["sip:al@10.0.0.9", "sip:al@old", "sip:al@low"]);
    let hop = bench.bindings.lookup("al", bench.now)[0].hop;
    assert_eq!(hop, Hop::tcp("192.0.2.7:40000".parse().unwrap()));
    assert!(bench.found("nobody").is_empty());
    assert_eq!(bench.bindings.forget_connection(Hop::tcp("192.0.2.7:1".parse().unwrap())), [""; 0]);
    assert_eq!(bench.bindings.forget_connection(hop), ["al"]);
    assert!(bench.bindings.is_empty());
}

#[test]
fn a_user_is_told_of_with_each_contact_that_ends() {
    let mut bench = Bench::new(BindingLimits::default());
    for (user, secs) in [("a", 60), ("b", 120)] {
        bench.tell(user, &register(&[("sip:x@x", Some(secs)), ("sip:y@x", Some(secs * 2))], user, 1));
    }
    assert_eq!(bench.bindings.deadline(), Some(bench.now + Duration::from_secs(60)));
    bench.pass_secs(60);
    assert_eq!(bench.bindings.expire(bench.now), ["a"]);
    assert_eq!((bench.found("a").len(), bench.bindings.len()), (1, 3));
    bench.pass_secs(60);
    assert_eq!(bench.bindings.expire(bench.now), ["a", "b"]);
    assert!(bench.bindings.forget_user("b") && !bench.bindings.forget_user("a"));
    assert!(bench.bindings.is_empty() && bench.bindings.deadline().is_none());
}

#[test]
fn what_is_kept_is_bounded() {
    let mut bench = Bench::new(BindingLimits { per_user_max: 2, total_max: 3, ..BindingLimits::default() });
    for host in ["a", "b", "c"] {
        let uri = format!("sip:al@{host}");
        bench.cseq += 1;
        bench.tell("al", &register(&[(&uri, None)], "c", bench.cseq));
    }
    assert_eq!(bench.found("al").len(), 2);
    assert!(!bench.found("al").contains(&"sip:al@a".to_owned()), "the oldest gave way");
    assert_eq!(bench.tell("bo", &register(&[("sip:bo@a", None)], "d", 1)), "sip:bo@a 3600");
    assert_eq!(bench.tell("cy", &register(&[("sip:cy@a", None)], "e", 1)), "503");
    assert_eq!(bench.tell("bo", &register(&[("sip:bo@a", None)], "d", 2)), "sip:bo@a 3600");
}
