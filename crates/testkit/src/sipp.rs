//! Debian's sipp playing a score: a callee that waits on a port of loopback, or a caller.

use crate::child::Child;
use crate::place::{free_udp_port, listening};
use crate::relay::Relay;
use crate::score::{Side, repeats_matter, scenario, seconds};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

const PACKAGE: &str = "sip-tester";
/// Longest time for a whole score that does not say how long it takes; sipp then fails by itself.
const SCORE_S: u64 = 30;
/// A running sipp.
pub struct Sipp {
    child: Child,
    addr: SocketAddr,
    /// Longest time for the score, in seconds.
    score_s: u64,
    dir: TempDir,
}

/// What is left of a score that was played to its end.
#[derive(Debug)]
pub struct Finished {
    /// All messages, as sipp's own log has them.
    pub messages: String,
}

impl Finished {
    /// How many of the messages that sipp received begin with this text.
    pub fn received(&self, start: &str) -> usize {
        let mut blocks = self.messages.split("message received").skip(1);
        blocks
            .by_ref()
            .filter(|block| block.split_once("\n\n").is_some_and(|(_, text)| text.starts_with(start)))
            .count()
    }
}

impl Sipp {
    /// A callee that waits for one call.
    pub async fn callee(score: &str) -> Self {
        Self::callee_with(score, &[]).await
    }

    /// The same behind a relay, at whose front the others find it.
    pub async fn callee_behind(relay: &Relay, score: &str) -> Self {
        let callee = Self::callee_with(score, &["-key", "seen", &relay.front().to_string()]).await;
        relay.set_back_party(callee.addr);
        callee
    }

    /// The same over TCP.
    pub async fn callee_over_tcp(score: &str) -> Self {
        Self::callee_with(score, &["-t", "t1"]).await
    }

    async fn callee_with(score: &str, args: &[&str]) -> Self {
        let mut sipp = Self::start(Side::Callee, Ipv4Addr::LOCALHOST, score, args);
        listening(&mut sipp.child, sipp.addr.port()).await;
        sipp
    }

    /// A caller over TCP, as in [`Self::caller`].
    pub fn caller_over_tcp(server: SocketAddr, from: &str, to: &str, score: &str) -> Self {
        let server = server.to_string();
        let args = [&server, "-t", "t1", "-s", to, "-key", "caller", from];
        Self::start(Side::Caller, Ipv4Addr::LOCALHOST, score, &args)
    }

    /// A caller who rings `to` at `server` at once, as `from`.
    pub fn caller(server: SocketAddr, from: &str, to: &str, score: &str) -> Self {
        Self::caller_at(Ipv4Addr::LOCALHOST, server, from, to, score)
    }

    /// The same behind a relay, at whose front the server finds it.
    pub fn caller_behind(relay: &Relay, server: SocketAddr, from: &str, to: &str, score: &str) -> Self {
        relay.set_front_party(server);
        let (server, seen) = (relay.back().to_string(), relay.front().to_string());
        let args = [&server, "-s", to, "-key", "caller", from, "-key", "seen", &seen];
        Self::start(Side::Caller, Ipv4Addr::LOCALHOST, score, &args)
    }

    /// The same from another address of loopback.
    pub fn caller_at(ip: Ipv4Addr, server: SocketAddr, from: &str, to: &str, score: &str) -> Self {
        let server = server.to_string();
        Self::start(Side::Caller, ip, score, &[&server, "-s", to, "-key", "caller", from])
    }

    fn start(side: Side, ip: Ipv4Addr, score: &str, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("score.xml"), scenario(side, score)).expect("it takes a file");
        let (port, sound) = (free_udp_port(), free_udp_port());
        let addr = SocketAddr::from((ip, port));
        let seen = addr.to_string();
        let mut command = Command::new("sipp");
        command.args(args).args(["-sf", "score.xml", "-m", "1", "-nostdin", "-skip_rlimit", "-bind_local"]);
        command.args(["-i", &ip.to_string(), "-p", &port.to_string(), "-mi", &ip.to_string()]);
        let score_s = seconds(score).unwrap_or(SCORE_S);
        command.args(["-mp", &sound.to_string(), "-timeout", &format!("{score_s}s"), "-timeout_error"]);
        command.args([
            "-trace_err",
            "-error_file",
            "errors.log",
            "-trace_msg",
            "-message_file",
            "messages.log",
        ]);
        if repeats_matter(score) {
            command.arg("-nr");
        }
        if args.contains(&"seen") {
            // What comes late, or twice, ends nothing.
            command.args(["-default_behaviors", "all,-abortunexp"]);
        } else {
            command.args(["-key", "seen", &seen]);
        }
        // Its screens need a terminal's name, even when nobody looks.
        command.env("TERM", "dumb").current_dir(dir.path());
        Self { child: Child::start(command, PACKAGE), addr, score_s, dir }
    }

    /// Where it is reached.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until the score was played to its end. Panics, with what was said, where it went otherwise.
    pub async fn finish(mut self) -> Finished {
        let status = self.child.wait(Duration::from_secs(self.score_s + 5)).await;
        let read = |name: &str| std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        let messages = read("messages.log");
        let complaint = self.child.stderr().join("\n");
        assert!(
            status.success(),
            "sipp's score failed ({status}):\n{}\n{complaint}\n{messages}",
            read("errors.log")
        );
        Finished { messages }
    }
}
