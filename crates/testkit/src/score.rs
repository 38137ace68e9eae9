//! Scenarios of sipp, written as a score: one line a step, instead of a page of XML. Pure.
//!
//! ```text
//! < INVITE            wait for a request (`<? 180`: or go on without it; `< 200|481`: either)
//! > 180 INVITE        answer a request; `sdp`, `hold` or `gone` adds a description, `resend` repeats it until the ACK
//! > BYE               send a request in the dialog (for a caller: `> INVITE sdp` begins it)
//! pause 300           milliseconds
//! play digits.pcap    send a capture's packets as sound
//! linger 3000         milliseconds at the end, in which what was lost is said again
//! ```
//!
//! `> 401 INVITE` and `> 407 INVITE` challenge; `< INVITE auth=user:password` goes on only if the answer is right
//! (which this sipp can tell for 401 alone), `< INVITE has=Proxy-Authorization` only if the header is there;
//! `> ACK refused` confirms a refusal; `> BYE again` repeats a request to the letter; `> INVITE fresh` begins the call
//! anew. `header=Name:_value` adds a header, `contact=sip:…` names another place, `tag=b` speaks as another fork,
//! `dtmf=5` presses a key by INFO, `within` marks an INVITE of the dialog (`< INVITE within`, `> 200 INVITE within`), and `< 183 reliable` keeps what a later `> PRACK` acknowledges; after `> PRACK txn=a`,
//! `< 200 txn=a` is no other request's answer. With the line `repeats matter` every repeated message is a step of the
//! score, where sipp would else deal with it by itself. The line `takes 60` gives it so many seconds. With the line `through a proxy` requests within the dialog take
//! the route that was recorded.

use std::fmt::Write as _;

/// Which side of the call the scenario plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It is called.
    Callee,
    /// It calls.
    Caller,
}

/// The line that turns sipp's own retransmissions, and its blindness for ours, off.
const REPEATS_MATTER: &str = "repeats matter";

/// The line that says how many seconds it takes at most.
const TAKES: &str = "takes ";

/// The line for dialogs with a recorded route.
const THROUGH_A_PROXY: &str = "through a proxy";

/// How long the score says that it takes at most, in seconds.
pub(crate) fn seconds(score: &str) -> Option<u64> {
    score.lines().find_map(|line| line.trim().strip_prefix(TAKES)?.trim().parse().ok())
}

/// Whether the score has that line.
pub(crate) fn repeats_matter(score: &str) -> bool {
    has_line(score, REPEATS_MATTER)
}

fn has_line(score: &str, wanted: &str) -> bool {
    score.lines().any(|line| line.trim() == wanted)
}

/// The scenario as sipp reads it. Panics, naming the line, where the score cannot be read.
pub(crate) fn scenario(side: Side, score: &str) -> String {
    let mut writer = Writer {
        side,
        out: String::new(),
        steps: 0,
        labels: 0,
        sequence: 0,
        invite_step: 0,
        invite_sequence: 0,
        request_step: 0,
        is_routed: has_line(score, THROUGH_A_PROXY),
    };
    writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"score\">\n");
    for line in score
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter(|line| ![REPEATS_MATTER, THROUGH_A_PROXY].contains(line) && !line.starts_with(TAKES))
    {
        writer.line(line);
    }
    // sipp refuses variables that nobody uses, and uses of variables that nobody sets.
    let names = [
        "via",
        "from",
        "to",
        "number",
        "contacts",
        "contact",
        "right",
        "there",
        "reliable",
        "there_from",
        "there_to",
    ];
    let is_set = |name: &&str| {
        let ends = ["\"", ","].map(|end| format!("{name}{end}"));
        writer.out.lines().filter_map(|line| line.split_once("assign_to=\"")).any(|(_, set)| {
            ends.iter().any(|name| set.starts_with(name) || set.contains(&format!(",{name}")))
        })
    };
    let set: Vec<_> = names.into_iter().filter(is_set).collect();
    if !set.is_empty() {
        let _ = writeln!(writer.out, "<Reference variables=\"{}\"/>", set.join(","));
    }
    writer.out.push_str("</scenario>\n");
    writer.out
}

/// Keeps what later answers and requests need of a message.
const KEEP_REQUEST: &str = r#"
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="number"/>
<ereg regexp="&lt;(sip:[^&gt;]+)&gt;" search_in="hdr" header="Contact:" assign_to="contacts,contact"/>"#;
/// The same of a request within the dialog, which changes nobody's names.
const KEEP_WITHIN: &str = r#"
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="there_from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="there_to"/>
<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="number"/>"#;
const KEEP_ANSWER: &str = r#"
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<ereg regexp="&lt;(sip:[^&gt;]+)&gt;" search_in="hdr" header="Contact:" assign_to="contacts,contact"/>"#;

/// What a PRACK says of the answer it acknowledges.
const KEEP_RELIABLE: &str =
    "\n<ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"RSeq:\" assign_to=\"reliable\"/>";

/// `[seen]` is where the other side finds sipp.
const VIA: &str = "Via: SIP/2.0/[transport] [seen];branch=";
const OURS: &str = "tag=[pid]-[call_number]";
const CONTACT: &str = "Contact: <sip:sipp@[seen];transport=[transport]>\n";

struct Writer {
    side: Side,
    out: String,
    /// Messages so far, as sipp counts them for its branches.
    steps: usize,
    labels: usize,
    /// Our own requests' numbers.
    sequence: u32,
    invite_step: usize,
    invite_sequence: u32,
    request_step: usize,
    is_routed: bool,
}

impl Writer {
    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let what = words.next().unwrap_or_else(|| panic!("the score says too little: {line}"));
        let notes: Vec<&str> = words.collect();
        match verb {
            "<" | "<?" => self.receive(verb == "<?", what, &notes),
            ">" if what.parse::<u16>().is_ok() => self.answer(what, &notes),
            ">" => self.request(what, &notes),
            "linger" => self.step(&format!("<timewait milliseconds=\"{what}\"/>\n")),
            "pause" => self.step(&format!("<pause milliseconds=\"{what}\"/>\n")),
            "play" => self.step(&format!("<nop><action><exec play_pcap_audio=\"{what}\"/></action></nop>\n")),
            _ => panic!("the score cannot be read: {line}"),
        }
    }

    fn step(&mut self, xml: &str) {
        self.out.push_str(xml);
        self.steps += 1;
    }

    fn receive(&mut self, optional: bool, what: &str, notes: &[&str]) {
        let choices: Vec<&str> = what.split('|').collect();
        let label = self.labels + 1;
        let reliable = notes.contains(&"reliable");
        for (index, choice) in choices.iter().enumerate() {
            let last = index + 1 == choices.len();
            let mut attributes = String::new();
            if optional || !last {
                attributes.push_str(" optional=\"true\"");
            }
            if choices.len() > 1 {
                let _ = write!(attributes, " next=\"{label}\"");
            }
            if let Some(name) = transaction(notes) {
                let _ = write!(attributes, " response_txn=\"{name}\"");
            }
            let is_code = choice.parse::<u16>().is_ok();
            let kind = if is_code { "response" } else { "request" };
            let keep = match *choice {
                "200" if self.side == Side::Caller => KEEP_ANSWER,
                "INVITE" if notes.contains(&"within") => KEEP_WITHIN,
                "INVITE" => KEEP_REQUEST,
                _ if reliable => KEEP_ANSWER,
                _ => "",
            };
            if self.is_routed && !keep.is_empty() {
                attributes.push_str(" rrs=\"true\"");
            }
            let check = notes.iter().filter_map(|note| check(note)).collect::<String>();
            let number = if reliable { KEEP_RELIABLE } else { "" };
            let action = format!("{keep}{number}{check}");
            let action = if action.is_empty() { action } else { format!("<action>{action}\n</action>") };
            self.step(&format!("<recv {kind}=\"{choice}\"{attributes}>{action}</recv>\n"));
        }
        if choices.len() > 1 {
            self.label();
        }
        if notes.iter().any(|note| note.starts_with("auth=")) {
            self.only_if_right();
        }
    }

    fn label(&mut self) {
        self.labels += 1;
        let _ = writeln!(self.out, "<label id=\"{}\"/>", self.labels);
    }

    /// Ends the scenario as failed with a 403 unless the credentials were right.
    fn only_if_right(&mut self) {
        let label = self.labels + 1;
        self.step(&format!("<nop next=\"{label}\" test=\"right\"/>\n"));
        self.answer("403", &["INVITE"]);
        self.step("<recv request=\"ACK\"/>\n");
        self.step("<nop><action><exec int_cmd=\"stop_now\"/></action></nop>\n");
        self.label();
    }

    fn answer(&mut self, code: &str, notes: &[&str]) {
        let method =
            notes.first().unwrap_or_else(|| panic!("> {code} does not say which request it answers"));
        let mut head = format!("SIP/2.0 {code} {}\n", phrase(code));
        if *method == "INVITE" {
            let tag = if self.side == Side::Callee { format!(";{}", our_tag(notes)) } else { String::new() };
            // Of several Via lines a variable holds the first alone.
            let via = if self.is_routed { "[last_Via:]" } else { "Via:[$via]" };
            let parties = if notes.contains(&"within") {
                "From:[$there_from]\nTo:[$there_to]".to_owned()
            } else {
                format!("From:[$from]\nTo:[$to]{tag}")
            };
            let _ = write!(head, "{via}\n{parties}\nCall-ID: [call_id]\nCSeq: [$number] INVITE\n");
            if self.is_routed {
                head.push_str("[last_Record-Route:]\n");
            }
        } else {
            head.push_str("[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n");
        }
        // A registrar tells which places it has noted, anybody else where he is.
        let elsewhere = notes.iter().find_map(|note| note.strip_prefix("contact="));
        match elsewhere {
            Some(place) => {
                let _ = writeln!(head, "Contact: <{place}>");
            }
            None if *method == "REGISTER" => head.push_str("[last_Contact:]\n"),
            None => head.push_str(CONTACT),
        }
        head.push_str(challenge(code));
        let resend = if notes.contains(&"resend") { " retrans=\"500\"" } else { "" };
        self.send(resend, &head, notes);
    }

    fn request(&mut self, method: &str, notes: &[&str]) {
        let begins = method == "CANCEL" || notes.contains(&"fresh");
        let in_dialog = self.side == Side::Callee || self.sequence > 0 && !begins;
        let refused = notes.contains(&"refused");
        let again = notes.contains(&"again");
        if method != "ACK" && method != "CANCEL" && !again {
            self.sequence += 1;
        }
        let uri =
            if in_dialog && !refused { "[$contact]" } else { "sip:[service]@[remote_ip]:[remote_port]" };
        let branch = if method == "CANCEL" || refused {
            format!("[branch-{}]", self.steps - self.invite_step)
        } else if again {
            format!("[branch-{}]", self.steps - self.request_step)
        } else {
            "[branch]".to_owned()
        };
        if method == "INVITE" {
            self.invite_step = self.steps;
            self.invite_sequence = self.sequence;
        }
        if !again {
            self.request_step = self.steps;
        }
        let caller = format!("From: <sip:[caller]@[local_ip]:[local_port]>;{OURS}\n");
        let (from, to) = match (self.side, in_dialog) {
            (Side::Callee, _) => (format!("From:[$to];{}\n", our_tag(notes)), "To:[$from]\n".to_owned()),
            (Side::Caller, true) if refused => (caller, "[last_To:]\n".to_owned()),
            (Side::Caller, true) => (caller, "To:[$to]\n".to_owned()),
            (Side::Caller, false) => (caller, "To: <sip:[service]@[remote_ip]:[remote_port]>\n".to_owned()),
        };
        let number = if method == "ACK" || method == "CANCEL" { self.invite_sequence } else { self.sequence };
        let rack = if method == "PRACK" {
            format!("RAck: [$reliable] {} INVITE\n", self.invite_sequence)
        } else {
            String::new()
        };
        let head = format!(
            "{method} {uri} SIP/2.0\n{VIA}{branch}\n{from}{to}Call-ID: [call_id]\nCSeq: {number} {method}\n{CONTACT}\
             Max-Forwards: 70\nUser-Agent: sipp\n{rack}"
        );
        let mut attributes = if method == "ACK" { "" } else { " retrans=\"500\"" }.to_owned();
        if let Some(name) = transaction(notes) {
            let _ = write!(attributes, " start_txn=\"{name}\"");
        }
        let route = if self.is_routed && in_dialog && !refused { "[routes]\n" } else { "" };
        self.send(&attributes, &format!("{head}{route}"), notes);
    }

    fn send(&mut self, attributes: &str, head: &str, notes: &[&str]) {
        let direction = notes.iter().find_map(|note| match *note {
            "sdp" => Some("sendrecv"),
            "hold" => Some("sendonly"),
            "gone" => Some("inactive"),
            _ => None,
        });
        let key = notes.iter().find_map(|note| note.strip_prefix("dtmf="));
        let (kind, body) = match (direction, key) {
            (Some(direction), _) => ("Content-Type: application/sdp\n", description(direction, self.steps)),
            (None, Some(key)) => {
                ("Content-Type: application/dtmf-relay\n", format!("Signal={key}\nDuration=160\n"))
            }
            (None, None) => ("", String::new()),
        };
        let headers: String = notes
            .iter()
            .filter_map(|note| note.strip_prefix("header="))
            .map(|header| format!("{}\n", header.replace('_', " ")))
            .collect();
        self.step(&format!(
            "<send{attributes}><![CDATA[\n\n{head}{headers}{kind}Content-Length: [len]\n\n{body}\n]]></send>\n"
        ));
    }
}

/// Our tag, that of another fork if a note says so.
fn our_tag(notes: &[&str]) -> String {
    let fork = notes.iter().find_map(|note| note.strip_prefix("tag="));
    fork.map_or_else(|| OURS.to_owned(), |fork| format!("{OURS}-{fork}"))
}

/// The name of a transaction, where sipp could take the answer to another request for the one that is waited for.
fn transaction<'n>(notes: &[&'n str]) -> Option<&'n str> {
    notes.iter().find_map(|note| note.strip_prefix("txn="))
}

/// What is checked of a received message.
fn check(note: &str) -> Option<String> {
    if let Some(header) = note.strip_prefix("has=") {
        let there = "regexp=\".+\" search_in=\"hdr\" check_it=\"true\" assign_to=\"there\"";
        return Some(format!("\n<ereg {there} header=\"{header}:\"/>"));
    }
    let (user, password) = note.strip_prefix("auth=")?.split_once(':')?;
    Some(format!("\n<verifyauth assign_to=\"right\" username=\"{user}\" password=\"{password}\"/>"))
}

fn challenge(code: &str) -> &'static str {
    match code {
        "401" => "WWW-Authenticate: Digest realm=\"sipp\", nonce=\"0a1b2c3d\", algorithm=MD5, qop=\"auth\"\n",
        "407" => {
            "Proxy-Authenticate: Digest realm=\"sipp\", nonce=\"3d2c1b0a\", algorithm=MD5, qop=\"auth\"\n"
        }
        _ => "",
    }
}

fn phrase(code: &str) -> &'static str {
    match code {
        "100" => "Trying",
        "180" => "Ringing",
        "183" => "Session Progress",
        "200" => "OK",
        "302" => "Moved Temporarily",
        "401" => "Unauthorized",
        "403" => "Forbidden",
        "404" => "Not Found",
        "407" => "Proxy Authentication Required",
        "422" => "Session Interval Too Small",
        "481" => "Call/Transaction Does Not Exist",
        "486" => "Busy Here",
        "487" => "Request Terminated",
        "491" => "Request Pending",
        "503" => "Service Unavailable",
        "603" => "Decline",
        _ => "As Scored",
    }
}

/// A description; its version grows with the steps, so that a later one is a new one.
fn description(direction: &str, version: usize) -> String {
    format!(
        "v=0\no=sipp 53655765 {version} IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n\
         m=audio [media_port] RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\n\
         a=fmtp:101 0-16\na=ptime:20\na={direction}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_becomes_messages_in_order() {
        let xml =
            scenario(Side::Callee, "< INVITE\n > 180 INVITE\n# a remark\n> 200 INVITE sdp resend\n<? ACK\n");
        let at = |text: &str| xml.find(text).unwrap_or_else(|| panic!("{text} is not in {xml}"));
        assert!(at("recv request=\"INVITE\"") < at("SIP/2.0 180 Ringing"));
        assert!(at("SIP/2.0 200 OK") < at("m=audio"));
        assert!(at("m=audio") < at("recv request=\"ACK\" optional"));
        assert!(!xml.contains("remark"));
    }

    #[test]
    fn an_ack_of_a_refusal_has_the_branch_of_its_invite() {
        let xml = scenario(Side::Caller, "> INVITE sdp\n<? 100\n< 486\n> ACK refused");
        assert!(xml.contains("[branch-3]"), "{xml}");
    }

    #[test]
    fn a_reliable_answer_is_acknowledged_by_its_number() {
        let xml = scenario(Side::Caller, "> INVITE sdp\n< 183 reliable\n> PRACK header=X-Way:_1 tag=b");
        assert!(xml.contains("RAck: [$reliable] 1 INVITE\nX-Way: 1\n"), "{xml}");
        assert!(xml.contains("header=\"RSeq:\" assign_to=\"reliable\""), "{xml}");
    }

    #[test]
    #[should_panic(expected = "cannot be read")]
    fn what_is_no_score_is_refused() {
        scenario(Side::Caller, "sing loud");
    }
}
