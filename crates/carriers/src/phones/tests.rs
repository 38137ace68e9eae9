//! Phones register, are found, call, and are forgotten.

use super::*;
use model::EndpointId;
use model::endpoint::DigestSecrets;
use model::{AppId, IdSource, OrganizationId};
use sip::digest::{Challenge, Credentials, Protected, answer};
use sip::{Hop, RegisterContact};

const PASSWORD: &str = "chord-minor-seven";

fn phone(name: &str, seed: u64) -> Arc<PhoneEndpoint> {
    let (mut ids, now) = (IdSource::new(seed), Timestamp::default());
    let hash = |algorithm| {
        model::Secret::new(sip::digest::hashed_secret(algorithm, name, PhoneEndpoint::REALM, PASSWORD))
    };
    Arc::new(PhoneEndpoint {
        id: EndpointId::generate(&mut ids, now),
        organization: OrganizationId::generate(&mut ids, now),
        app: AppId::generate(&mut ids, now),
        username: name.to_owned(),
        secrets: DigestSecrets {
            md5: hash(sip::digest::Algorithm::Md5),
            sha256: hash(sip::digest::Algorithm::Sha256),
        },
        created_at: now,
    })
}

struct Bench {
    phones: Phones,
    now: Timestamp,
    cseq: u32,
    source: Hop,
    path: Vec<String>,
}

impl Bench {
    fn new(names: &[&str]) -> Self {
        let phones = Phones::new([7; 32], PhoneDigest::Both);
        let now = Timestamp::from_millis(1_000_000);
        phones.admit(names.iter().zip(1..).map(|(name, seed)| phone(name, seed)).collect(), now);
        let source = Hop::udp("192.0.2.9:5062".parse().unwrap());
        Self { phones, now, cseq: 0, source, path: Vec::new() }
    }

    fn register(&mut self, user: &str, authorizations: Vec<String>, expires_secs: u32) -> RegisterOutcome {
        self.cseq += 1;
        let contact = RegisterContact {
            uri: format!("sip:{user}@10.0.0.7:5062"),
            expires_secs: Some(expires_secs),
            q_thousandths: 1_000,
        };
        let register = IncomingRegister {
            user: user.into(),
            domain: "lyrebird.example".into(),
            request_uri: "sip:lyrebird.example".into(),
            contacts: vec![contact],
            star: false,
            call_id: "c1".into(),
            cseq: self.cseq,
            authorizations,
            body: Vec::new(),
            source: self.source,
            user_agent: Some("Desk".into()),
            path: self.path.clone(),
        };
        self.phones.register(&register, self.now)
    }

    fn is_known(&self) -> bool {
        self.phones.are_at(self.source.address.ip(), self.now)
    }

    /// What a phone answers to the challenge it just got.
    fn proof(&self, challenges: &[String], method: &'static str, user: &str, password: &str) -> String {
        let challenge = Challenge::parse(challenges[0].as_bytes()).unwrap();
        let credentials = Credentials { username: user.into(), password: password.into(), realm: None };
        let protected = Protected { method, uri: "sip:lyrebird.example", body: b"" };
        answer(&challenge, &credentials, protected, "cnonce", 1)
    }

    /// Registers as a phone does: asked, then with proof.
    fn come(&mut self, user: &str, as_user: &str, password: &str, expires_secs: u32) -> RegisterOutcome {
        let asked = self.register(user, Vec::new(), expires_secs);
        let RegisterOutcome::Challenge { challenges } = asked else { panic!("{asked:?}") };
        let proof = self.proof(&challenges, "REGISTER", as_user, password);
        self.register(user, vec![proof], expires_secs)
    }

    fn call(&self, user: &str, authorizations: Vec<String>) -> Option<Result<Arc<PhoneEndpoint>, Rejection>> {
        self.call_from("lyrebird.example", user, authorizations, true)
    }

    fn call_from(
        &self,
        host: &str,
        user: &str,
        authorizations: Vec<String>,
        is_trunks: bool,
    ) -> Option<Result<Arc<PhoneEndpoint>, Rejection>> {
        let call = IncomingCall {
            from_uri: format!("sip:{user}@{host}"),
            from_user: user.into(),
            from_display: None,
            to_uri: "sip:100@lyrebird.example".into(),
            request_uri: "sip:lyrebird.example".into(),
            request_user: "100".into(),
            contact: None,
            call_id: "c2".into(),
            sdp: None,
            user_agent: None,
            authorizations,
            replaces: None,
            referred_by: None,
            headers: Vec::new(),
            source: self.source,
        };
        self.phones.caller(&call, is_trunks, self.now)
    }
}

fn is_accepted(outcome: &RegisterOutcome) -> bool {
    matches!(outcome, RegisterOutcome::Accept { contacts } if contacts.len() == 1)
}

#[test]
fn a_phone_registers_by_its_password_and_is_found_where_it_came_from() {
    let mut bench = Bench::new(&["alice"]);
    assert!(!bench.is_known());
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 600)));
    assert!(bench.is_known());
    let targets = bench.phones.targets(&phone("alice", 1), bench.now);
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].hop, bench.source, "behind address translation too");
    assert_eq!(targets[0].uri.as_deref(), Some("sip:alice@10.0.0.7:5062"));
    let shown = bench.phones.registrations(&phone("alice", 1), bench.now);
    assert_eq!((shown[0].transport, shown[0].user_agent.as_deref()), ("udp", Some("Desk")));
    assert!(
        matches!(bench.come("alice", "alice", PASSWORD, 0), RegisterOutcome::Accept { contacts } if contacts.is_empty())
    );
    assert!(!bench.is_known());
}

#[test]
fn an_unknown_name_and_a_wrong_password_look_the_same() {
    let mut bench = Bench::new(&["alice", "bob"]);
    let refused = |outcome: RegisterOutcome| {
        assert_eq!(outcome, RegisterOutcome::Refuse { code: 403, retry_after_secs: None });
    };
    refused(bench.come("alice", "alice", "wrong", 600));
    refused(bench.come("nobody", "nobody", PASSWORD, 600));
    // Nobody registers in another phone's name, not even with a password of its own.
    refused(bench.come("alice", "bob", PASSWORD, 600));
    assert!(!bench.is_known());
}

#[test]
fn a_registered_phone_proves_each_call_and_others_are_not_taken_for_one() {
    let mut bench = Bench::new(&["alice"]);
    let elsewhere = |is_trunks| bench.call_from("carrier.example", "alice", Vec::new(), is_trunks);
    assert!(elsewhere(true).is_none(), "a carrier's caller that happens to be called so");
    assert_eq!(elsewhere(false).unwrap().unwrap_err().code, 401);
    let nobody = bench.call_from("lyrebird.example", "nobody", Vec::new(), false);
    assert_eq!(nobody.unwrap().unwrap_err().code, 401, "who exists is not told");
    assert_eq!(bench.call("alice", Vec::new()).unwrap().unwrap_err().code, 401, "it has not registered yet");
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 600)));
    let asked = bench.call("alice", Vec::new()).unwrap().unwrap_err();
    assert_eq!(asked.code, 401);
    let challenges: Vec<_> = asked.extra_headers.into_iter().map(|header| header.1).collect();
    let proof = bench.proof(&challenges, "INVITE", "alice", PASSWORD);
    assert_eq!(bench.call("alice", vec![proof.clone()]).unwrap().unwrap().username, "alice");
    let again = bench.call("alice", vec![proof]).unwrap().unwrap_err();
    assert_eq!(again.code, 401, "a proof counts once");
    let wrong = bench.proof(&challenges, "INVITE", "alice", "wrong");
    assert_eq!(bench.call("alice", vec![wrong]).unwrap().unwrap_err().code, 403);
    assert!(bench.call("+4930123456", Vec::new()).is_none());
}

#[test]
fn what_is_over_or_taken_away_is_forgotten() {
    let mut bench = Bench::new(&["alice", "bob"]);
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 60)));
    bench.now = bench.now + std::time::Duration::from_secs(61);
    assert!(bench.phones.targets(&phone("alice", 1), bench.now).is_empty());
    assert!(is_accepted(&bench.come("bob", "bob", PASSWORD, 600)));
    bench.phones.admit(vec![phone("alice", 1)], bench.now);
    assert!(bench.phones.targets(&phone("bob", 2), bench.now).is_empty());
    assert!(!bench.is_known());
    bench.phones.admit(Vec::new(), bench.now);
    assert!(!bench.phones.any());
}

#[test]
fn a_place_ends_with_its_time_and_with_its_connection() {
    let mut bench = Bench::new(&["alice"]);
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 60)));
    bench.now = bench.now + std::time::Duration::from_secs(61);
    assert!(!bench.is_known(), "nobody has to register for it to be noticed");
    let place = "192.0.2.9:40000".parse().unwrap();
    bench.source = Hop::tls(place);
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 600)));
    bench.phones.closed(Hop::tls("192.0.2.9:40001".parse().unwrap()), bench.now);
    assert!(bench.is_known(), "another's connection");
    bench.phones.closed(Hop::tls(place), bench.now);
    assert!(!bench.is_known());
    assert!(bench.phones.targets(&phone("alice", 1), bench.now).is_empty());
}

#[test]
fn a_phone_under_anothers_name_is_called_nowhere() {
    let mut bench = Bench::new(&["alice"]);
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 60)));
    assert!(bench.phones.targets(&phone("alice", 2), bench.now).is_empty());
    assert_eq!(bench.phones.targets(&phone("alice", 1), bench.now).len(), 1);
}

#[test]
fn whoever_guesses_too_often_is_not_heard_for_a_while() {
    let mut bench = Bench::new(&["alice"]);
    for _ in 0..6 {
        assert!(matches!(
            bench.come("alice", "alice", "wrong", 600),
            RegisterOutcome::Refuse { code: 403, .. }
        ));
    }
    assert!(!is_accepted(&bench.come("alice", "alice", PASSWORD, 600)), "not even the right one is heard");
    bench.now = bench.now + std::time::Duration::from_secs(1);
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 600)));
}

#[test]
fn a_place_is_kept_and_taken_up_again() {
    let mut bench = Bench::new(&["alice", "bob"]);
    let kept = |bench: &Bench| bench.phones.take_changed(10, bench.now);
    assert!(kept(&bench).is_empty());
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 600)));
    bench.source = Hop::tls("192.0.2.10:40000".parse().unwrap());
    assert!(is_accepted(&bench.come("bob", "bob", PASSWORD, 600)));
    let places = kept(&bench);
    assert_eq!(places.len(), 2);
    assert!(places[1].content.is_empty(), "a connection does not outlive the process");
    assert!(kept(&bench).is_empty(), "a change is told once");
    bench.phones.not_kept(&places);
    assert_eq!(kept(&bench), places);

    let after = |seconds, phones: Vec<Arc<PhoneEndpoint>>| {
        let other = Phones::new([8; 32], PhoneDigest::Both);
        other.take_up(places[..1].to_vec());
        let now = bench.now + std::time::Duration::from_secs(seconds);
        other.admit(phones, now);
        let is_there = other.are_at("192.0.2.9".parse().unwrap(), now);
        let targets = other.targets(&phone("alice", 1), now).len();
        assert_eq!(is_there, targets == 1);
        targets
    };
    assert_eq!(after(5, vec![phone("alice", 1)]), 1);
    assert_eq!(after(600, vec![phone("alice", 1)]), 0, "its time is over");
    assert_eq!(after(5, vec![phone("alice", 2)]), 0, "another phone under the name");
}

#[test]
fn calls_take_the_path_that_the_phone_registered_by() {
    let mut bench = Bench::new(&["alice"]);
    bench.path = vec!["<sip:edge.example;lr>".into(), "<sip:inner.example;lr>".into()];
    assert!(is_accepted(&bench.come("alice", "alice", PASSWORD, 600)));
    let targets = bench.phones.targets(&phone("alice", 1), bench.now);
    assert_eq!((targets[0].hop, &targets[0].route), (bench.source, &bench.path));
}
