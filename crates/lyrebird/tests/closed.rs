//! The sandbox is closed: a thousand test-key calls pass in a network namespace that has nothing but loopback, and no
//! socket ever speaks to another address. The test runs itself again inside the namespace.

#![cfg(test)]

use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use testkit::{Api, Server, Settings, run, run_within};
use tokio::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_lyrebird");
const CALLS: usize = 1_000;
/// How long all of them may take on a slow machine.
const INSIDE_PATIENCE: Duration = Duration::from_secs(120);
/// Calls under way at once.
const WAVE: usize = 50;
/// Set within the namespace.
const INSIDE: &str = "LYREBIRD_TEST_NAMESPACE";
/// Set where namespaces are promised: there the test must not be left out.
const PROMISED: &str = "CI";

/// Programs on which the namespace depends, as one command line.
const NAMESPACE: [&str; 4] = ["--user", "--map-root-user", "--net", "--"];

fn unshare(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(NAMESPACE).args(["sh", "-c", script]);
    command
}

#[tokio::test]
async fn a_thousand_test_calls_pass_where_there_is_nothing_but_loopback() {
    let possible = run(unshare("ip link set lo up"), "util-linux and iproute2").await;
    if possible.code != Some(0) {
        let why = format!("no network namespace can be made here: {}", possible.stderr.trim());
        assert!(std::env::var_os(PROMISED).is_none(), "{why}");
        println!("left out: {why}");
        return;
    }
    let this = std::env::current_exe().expect("a running test has a file");
    let mut command = unshare("ip link set lo up && exec \"$0\" --exact --ignored --nocapture inside");
    command.arg(this).env(INSIDE, "1");
    let inside = run_within(command, "util-linux", INSIDE_PATIENCE).await;
    assert_eq!(inside.code, Some(0), "{}\n{}", inside.stdout, inside.stderr);
    assert!(inside.stdout.contains("1 passed"), "nothing ran inside: {}", inside.stdout);
}

#[tokio::test]
#[ignore = "runs within the namespace that the other test makes"]
async fn inside() {
    assert!(std::env::var_os(INSIDE).is_some(), "this is the inner half of the other test");
    assert_eq!(interfaces(), ["lo"], "the namespace has another interface");
    let settings = Settings::default().set("LYREBIRD_SANDBOX__HEARD", "false");
    let server = Server::start_with(BINARY, settings).await;
    let test = server.test();
    for wave in 0..CALLS / WAVE {
        for number in 0..WAVE {
            test.place(&order(wave * WAVE + number)).await;
        }
        assert_loopback_alone();
        let placed = (wave + 1) * WAVE;
        wait_for_ends(&test, placed).await;
        assert_loopback_alone();
    }
    let total = async |status: &str| {
        let list = test.get(&format!("/v1/calls?limit=1&status={status}")).await.expect(200);
        list["totalCount"].as_u64().unwrap_or_default()
    };
    assert_eq!((total("completed").await, total("busy").await), (900, 100));
}

/// Ten personas in turn; each tenth is busy, all others are answered.
fn order(number: usize) -> Value {
    const PERSONAS: [&str; 10] = [
        "human",
        "echo",
        "impatient",
        "busy",
        "challenge",
        "redirect",
        "early_media",
        "bad_network",
        "fax",
        "menu",
    ];
    let persona = PERSONAS[number % PERSONAS.len()];
    let mut sandbox = json!({ "persona": persona, "answerAfterMs": 20, "hangUpAfterMs": 5_000 });
    if persona == "impatient" {
        sandbox["hangUpAfterMs"] = json!(100);
    }
    let flow = if persona == "impatient" { Value::Null } else { json!([{ "command": "hangup" }]) };
    json!({ "from": "+15005559999", "to": format!("+4930{number:06}"), "metadata": { "sandbox": sandbox },
        "flow": flow })
}

/// Waits until none of the calls runs any more.
async fn wait_for_ends(test: &Api, placed: usize) {
    let ended = |list: &Value| {
        let over = |call: &Value| !call["endedAt"].is_null();
        list["data"].as_array().is_some_and(|calls| calls.iter().all(over))
            && list["totalCount"].as_u64() == u64::try_from(placed).ok()
    };
    test.wait_for_answer(&format!("/v1/calls?limit={WAVE}"), "the ends of all calls", ended).await;
}

fn interfaces() -> Vec<String> {
    let table = std::fs::read_to_string("/proc/net/dev").expect("the kernel tells its interfaces");
    table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned()).collect()
}

/// No socket of the namespace is tied to an address elsewhere.
fn assert_loopback_alone() {
    for table in ["udp", "udp6", "tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, remote, ..] = words.as_slice() else { continue };
            let ends = [address(local), address(remote)];
            let near = |ip: &IpAddr| ip.is_loopback() || ip.is_unspecified();
            assert!(ends.iter().all(near), "{table}: a socket from {} to {}", ends[0], ends[1]);
        }
    }
}

/// An address as the kernel writes it: words of 32 bits in the machine's order, then the port.
fn address(text: &str) -> IpAddr {
    let hex = text.split(':').next().unwrap_or_default();
    let words: Vec<[u8; 4]> = (0..hex.len() / 8)
        .map(|at| {
            u32::from_str_radix(&hex[at * 8..at * 8 + 8], 16).expect("hexadecimal digits").to_ne_bytes()
        })
        .collect();
    match words.as_slice() {
        [v4] => IpAddr::V4(Ipv4Addr::from(*v4)),
        many => {
            let octets: Vec<u8> = many.iter().flatten().copied().collect();
            let octets: [u8; 16] = octets.try_into().expect("sixteen octets");
            IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
        }
    }
}
