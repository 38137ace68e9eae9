//! The process is killed, or its disk refuses: what was acknowledged is there, what was not is told as a failure.
//! The victim is this test binary itself, started again for one of its tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod common;

use common::{START, World, commit, event};
use model::event::EventBody;
use model::{CallId, IdSource};
use ports::StoreError;
use ports::store::{CallStore, WebhookStore};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use store::SqliteStore;

/// Names the directory to a victim; its absence tells the test binary that it is none.
const VICTIM_DIR: &str = "STORE_VICTIM_DIR";

/// Starts the test `name` of this binary as a victim. Its file size limit makes writes fail and does not kill it.
fn start_victim(name: &str, dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(VICTIM_DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Makes calls with three events each, from several tasks, and says each that was acknowledged, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a victim of the test beside it"]
async fn victim_writes_calls() {
    let Some(dir) = std::env::var_os(VICTIM_DIR) else { return };
    let mut world = World::new().await;
    let store = std::sync::Arc::new(SqliteStore::open(Path::new(&dir)).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8u64 {
        let store = std::sync::Arc::clone(&store);
        let calls: Vec<_> = (0..2_000).map(|number| world.new_call(task * 10_000 + number)).collect();
        tasks.spawn(async move {
            for new in calls {
                let call = new.call.clone();
                store.create_call(new).await.unwrap();
                say(&format!("{} 1", call.id));
                store.commit_call(commit(&call, 1, &[2, 3])).await.unwrap();
                say(&format!("{} 3", call.id));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// Lets the victim write for some milliseconds, kills it, and looks for all it said.
async fn check_kill(millis: u64) {
    let dir = tempfile::tempdir().unwrap();
    SqliteStore::open(dir.path()).await.unwrap().close().await;
    let mut victim = start_victim("victim_writes_calls", dir.path());
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut acknowledged: Vec<(CallId, u32)> = Vec::new();
    let mut writing_since = None;
    for line in lines {
        let Ok(line) = line else { break };
        let Some((call, sequence)) = line.split_once(' ') else { continue };
        let (Ok(call), Ok(sequence)) = (call.parse(), sequence.parse()) else { continue };
        acknowledged.push((call, sequence));
        let since = writing_since.get_or_insert_with(Instant::now);
        if since.elapsed() > Duration::from_millis(millis) {
            victim.kill().unwrap(); // what it said before is still in the pipe
        }
    }
    victim.wait().unwrap();
    assert!(!acknowledged.is_empty());
    let store = SqliteStore::open(dir.path()).await.unwrap();
    for (call, sequence) in &acknowledged {
        let events = store.events(*call, 0, 10).await.unwrap();
        let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
        let whole = (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>();
        assert!(numbers == whole && whole.len() != 2, "{call}: {numbers:?}");
        assert!(numbers.last() >= Some(sequence), "{call}: {numbers:?} after {sequence} was acknowledged");
    }
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill_at_any_moment() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::try_from(now).unwrap());
    println!("SEED={seed}");
    let mut source = IdSource::new(seed);
    for _ in 0..4 {
        check_kill(source.next_u64() % 300).await;
    }
}

/// Writes one call for every line it is sent, and says how that went.
#[tokio::test]
#[ignore = "a victim of the test beside it"]
async fn victim_writes_when_told() {
    let Some(dir) = std::env::var_os(VICTIM_DIR) else { return };
    let mut world = World::new().await;
    let store = SqliteStore::open(Path::new(&dir)).await.unwrap();
    say("ready");
    for (number, line) in (0..).zip(std::io::stdin().lines()) {
        // A fresh call with some fat, so that files grow.
        let mut call = world.call(number);
        call.metadata.insert("fat".to_owned(), "x".repeat(line.unwrap().len()).into());
        let done = store.create_call(world.new_call_of(call.clone())).await;
        match done {
            Ok(_) => say(&format!("{} stored", call.id)),
            Err(StoreError::Unavailable(_)) => say(&format!("{} unavailable", call.id)),
            Err(other) => say(&format!("{} {other:?}", call.id)),
        }
    }
}

/// Sets how large the files of a running process may become.
fn limit_files(process: u32, limit: &str) {
    let set =
        Command::new("prlimit").args(["--pid", &process.to_string(), &format!("--fsize={limit}")]).status();
    assert!(set.unwrap().success());
}

#[tokio::test]
async fn a_disk_that_refuses_writes_is_told_and_recovered_from() {
    let dir = tempfile::tempdir().unwrap();
    let mut victim = start_victim("victim_writes_when_told", dir.path());
    let mut orders = victim.stdin.take().unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    // The test harness has begun a line of its own.
    while !lines.next().unwrap().unwrap().ends_with("ready") {}
    let mut write_one = || {
        writeln!(orders, "{}", "x".repeat(20_000)).unwrap();
        let line = lines.next().unwrap().unwrap();
        let (call, outcome) = line.split_once(' ').unwrap();
        (call.parse::<CallId>().unwrap(), outcome.to_owned())
    };
    let (first, outcome) = write_one();
    assert_eq!(outcome, "stored");
    limit_files(victim.id(), "200000:");
    let mut stored = vec![first];
    let mut refused = Vec::new();
    for _ in 0..20 {
        let (call, outcome) = write_one();
        match outcome.as_str() {
            "stored" => stored.push(call),
            "unavailable" => refused.push(call),
            other => panic!("{other}"),
        }
    }
    assert!(refused.len() > 5, "{} stored, {} refused", stored.len(), refused.len());
    limit_files(victim.id(), "unlimited:");
    for _ in 0..5 {
        let (call, outcome) = write_one();
        assert_eq!(outcome, "stored", "there is room again");
        stored.push(call);
    }
    drop(orders);
    victim.wait().unwrap();
    let store = SqliteStore::open(dir.path()).await.unwrap();
    for (calls, there) in [(stored, 1), (refused, 0)] {
        for call in calls {
            assert_eq!(store.events(call, 0, 10).await.unwrap().len(), there, "{call}");
        }
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_harms_no_other() {
    let mut world = World::new().await;
    let (broken, _) = world.placed(0).await;
    let (whole, _) = world.placed(1).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.dir.path().join("lyrebird.db"));
    let mut db = sqlx::ConnectOptions::connect(&options).await.unwrap();
    for table in ["UPDATE calls SET body = '{\"id\":\"\"'", "UPDATE events SET body = x'ff'"] {
        let column = if table.contains("calls") { "id" } else { "call" };
        let sql = sqlx::AssertSqlSafe(format!("{table} WHERE {column} = ?"));
        sqlx::query(sql).bind(broken.id.uuid().as_bytes().to_vec()).execute(&mut db).await.unwrap();
    }
    let unavailable = |error| matches!(error, StoreError::Unavailable(_));
    assert!(world.store.call(world.app, broken.id).await.is_err_and(unavailable));
    assert!(world.store.events(broken.id, 0, 10).await.is_err_and(unavailable));
    assert_eq!(world.store.outbox(10).await.unwrap(), [event(&whole, 1, EventBody::Initiated)]);
    let page = world.store.calls(world.app, &Default::default(), common::ALL).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&whole));
    let other = model::NodeId::generate(&mut world.ids, START);
    let claim = ports::store::Claim {
        node: other,
        now: common::at(90_000),
        until: common::at(99_000),
        limit: 10,
        regardless_of_lease: false,
    };
    let claimed = world.store.claim_calls(claim).await.unwrap();
    assert_eq!(claimed.iter().map(|claimed| claimed.call.id).collect::<Vec<_>>(), [whole.id]);
}
