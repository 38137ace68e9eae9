//! A child process: what it says is kept for failure messages, and it does not outlive its owner.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Lines kept of what a child says.
const LINES_MAX: usize = 5_000;

/// A running child process. Ended by its id when dropped.
pub struct Child {
    name: String,
    process: tokio::process::Child,
    /// Kept apart, because whoever waits for the process closes what it holds.
    input: Option<ChildStdin>,
    said: Arc<Said>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Said {
    stdout: Mutex<Vec<String>>,
    stderr: Mutex<Vec<String>>,
    more: Notify,
}

impl Child {
    /// Starts `command`. Where the program is missing, panics with the Debian package that brings it.
    pub fn start(command: Command, package: &str) -> Self {
        Self::start_with(command, package, Stdio::null())
    }

    /// The same for a program that is told what to do by [`Self::tell`].
    pub fn start_told(command: Command, package: &str) -> Self {
        Self::start_with(command, package, Stdio::piped())
    }

    fn start_with(mut command: Command, package: &str, stdin: Stdio) -> Self {
        let name = Path::new(command.as_std().get_program()).display().to_string();
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!("cannot start {name} ({error}): run `scripts/setup test`, or install Debian's {package}")
        });
        let input = process.stdin.take();
        let said = Arc::new(Said::default());
        let readers = vec![
            listen(process.stdout.take(), Arc::clone(&said), |said| lock(&said.stdout)),
            listen(process.stderr.take(), Arc::clone(&said), |said| lock(&said.stderr)),
        ];
        Self { name, process, input, said, readers }
    }

    /// Writes a line to its standard input.
    pub async fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it was started to be told things");
        let written = input.write_all(format!("{line}\n").as_bytes()).await;
        written.unwrap_or_else(|error| panic!("cannot tell {} {line:?}: {error}", self.name));
    }

    /// Its process id; none once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// The lines of its standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        lock(&self.said.stdout).clone()
    }

    /// The lines of its standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        lock(&self.said.stderr).clone()
    }

    /// Both, for a failure message.
    pub fn story(&self) -> String {
        format!("{} said:\n{}\n{}", self.name, self.stdout().join("\n"), self.stderr().join("\n"))
    }

    /// Waits for a line of its standard output that `wanted` takes. Panics when it ends or `patience` is over.
    pub async fn wait_for_line<T>(&mut self, patience: Duration, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let said = Arc::clone(&self.said);
            let more = said.more.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            if let Some(found) = self.stdout().iter().find_map(|line| wanted(line)) {
                return found;
            }
            tokio::select! {
                () = more => {}
                status = self.process.wait() => {
                    self.drain().await;
                    panic!("ended ({status:?}) instead of saying what was waited for; {}", self.story());
                }
                () = tokio::time::sleep_until(deadline) => {
                    panic!("did not say what was waited for; {}", self.story());
                }
            }
        }
    }

    /// Waits until it has ended and all it said was read. Panics when `patience` is over.
    pub async fn wait(&mut self, patience: Duration) -> ExitStatus {
        match tokio::time::timeout(patience, self.process.wait()).await {
            Ok(status) => {
                self.drain().await;
                status.expect("a child can be waited for")
            }
            Err(_) => panic!("did not end within {patience:?}; {}", self.story()),
        }
    }

    /// Ends it as a power cut would (SIGKILL), and waits for that.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("a child of ours can be killed");
    }

    /// Asks it to stop (SIGTERM).
    pub async fn ask_to_stop(&self) {
        self.signal("TERM").await;
    }

    /// Sends it a signal, by its name without SIG.
    pub async fn signal(&self, name: &str) {
        let id = self.id().expect("it is still running");
        let mut command = Command::new("/bin/sh");
        let status = command.args(["-c", &format!("kill -{name} {id}")]).status().await;
        assert!(status.is_ok_and(|status| status.success()), "{} could not be sent SIG{name}", self.name);
    }

    async fn drain(&mut self) {
        for reader in self.readers.drain(..) {
            // A grandchild may keep the pipe open; what was said by then is enough.
            let _ = tokio::time::timeout(Duration::from_millis(500), reader).await;
        }
    }
}

fn listen(
    pipe: Option<impl AsyncRead + Unpin + Send + 'static>,
    said: Arc<Said>,
    place: impl Fn(&Said) -> MutexGuard<'_, Vec<String>> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Some(pipe) = pipe else { return };
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let mut kept = place(&said);
            if kept.len() < LINES_MAX {
                kept.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            drop(kept);
            said.more.notify_waiters();
        }
        said.more.notify_waiters();
    })
}

fn lock(lines: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a program that ran to its end left behind.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end. Panics where it is missing (naming `package`) or takes longer than the kit's patience.
pub async fn run(command: Command, package: &str) -> Output {
    run_within(command, package, crate::PATIENCE).await
}

/// The same for a program that may take longer.
pub async fn run_within(command: Command, package: &str, patience: Duration) -> Output {
    let mut child = Child::start(command, package);
    let status = child.wait(patience).await;
    Output { code: status.code(), stdout: child.stdout().join("\n"), stderr: child.stderr().join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "or install Debian's some-package")]
    async fn a_missing_program_names_its_package() {
        Child::start(Command::new("no-such-program"), "some-package");
    }

    #[tokio::test]
    async fn what_a_program_says_is_kept() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let output = run(command, "dash").await;
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(3), "out", "err"));
    }
}
