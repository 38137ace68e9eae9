//! Runs a speech program on the machine: no shell, what is said in files of its own, never on the command line; a
//! bounded number at once, a bounded number waiting, a time limit after which the program is killed.

use crate::figures;
use ports::{SttError, TtsError};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Most bytes of what a program prints that are read.
const PRINTED_BYTES_MAX: u64 = 256 * 1024;
/// Most characters of a program's complaint that are passed on.
const COMPLAINT_CHARS_MAX: usize = 200;
/// Tries to find a free name for a scratch directory.
const SCRATCH_TRIES_MAX: u32 = 1_000;

/// A program and what is known of its installation.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The engine's name.
    pub(crate) engine: &'static str,
    /// Name or path of the program.
    pub(crate) path: PathBuf,
    /// What the operator does when it is missing.
    pub(crate) remedy: &'static str,
}

impl Program {
    pub(crate) fn missing(&self) -> ProgramError {
        ProgramError::Missing { engine: self.engine, remedy: self.remedy }
    }
}

/// Why a program did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProgramError {
    /// It is not installed.
    Missing {
        /// The engine.
        engine: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Too many wait.
    Busy,
    /// It failed, in words.
    Failed(String),
}

impl From<ProgramError> for TtsError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Missing { engine, remedy } => Self::NotInstalled { engine, remedy },
            ProgramError::Busy => Self::Busy,
            ProgramError::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<ProgramError> for SttError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Missing { engine, remedy } => Self::NotInstalled { engine, remedy },
            ProgramError::Busy => Self::Busy,
            ProgramError::Failed(why) => Self::Failed(why),
        }
    }
}

/// Limits and places of running programs.
#[derive(Debug)]
pub(crate) struct Runner {
    running: Semaphore,
    admitted: Semaphore,
    timeout: Duration,
    output_bytes_max: u64,
    scratch_root: PathBuf,
}

impl Runner {
    pub(crate) fn new(
        concurrency: usize,
        queue_max: usize,
        timeout: Duration,
        output_bytes_max: u64,
        scratch_root: PathBuf,
    ) -> Self {
        let concurrency = concurrency.clamp(1, 1_024);
        // Programs run in a directory below it and are given paths of files there: these must hold from anywhere.
        let scratch_root = std::path::absolute(&scratch_root).unwrap_or(scratch_root);
        Self {
            running: Semaphore::new(concurrency),
            admitted: Semaphore::new(concurrency + queue_max.min(65_536)),
            timeout,
            output_bytes_max,
            scratch_root,
        }
    }

    /// Waits for a turn; it lasts until it is dropped.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, ProgramError> {
        let admitted = self.admitted.try_acquire().map_err(|_| ProgramError::Busy)?;
        let running = self.running.acquire().await.map_err(|_| ProgramError::Busy)?;
        Ok(Turn { _admitted: admitted, _running: running })
    }

    /// A working directory for a turn's runs.
    pub(crate) fn scratch(&self) -> Result<Scratch, ProgramError> {
        Scratch::make(&self.scratch_root)
    }

    /// What the program prints, such as its list of voices. No queue: asked for once an engine.
    pub(crate) async fn print(&self, program: &Program, arguments: &[&str]) -> Result<String, ProgramError> {
        let scratch = Scratch::make(&self.scratch_root)?;
        let mut command = command(program, &scratch)?;
        command.args(arguments);
        self.finish(program, command, &scratch, self.timeout).await?;
        let printed = read(&scratch.printed(), PRINTED_BYTES_MAX).map_err(|error| scratch_failed(&error))?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Speaks `text`. The program is given the arguments, the text's file after `text_flag` and the wav file to
    /// make after `wav_flag`.
    pub(crate) async fn speak(
        &self,
        program: &Program,
        arguments: &[&str],
        (text_flag, wav_flag): (&str, &str),
        text: &str,
    ) -> Result<Vec<u8>, TtsError> {
        let begun = Instant::now();
        let spoken = self.speak_in_turn(program, arguments, (text_flag, wav_flag), text).await;
        let spoken = spoken.map_err(TtsError::from);
        figures::spoken(program.engine, spoken.as_ref().map(drop), begun.elapsed());
        spoken
    }

    async fn speak_in_turn(
        &self,
        program: &Program,
        arguments: &[&str],
        (text_flag, wav_flag): (&str, &str),
        text: &str,
    ) -> Result<Vec<u8>, ProgramError> {
        let _in_line = figures::InLine::begin();
        let _turn = self.turn().await?;
        let _program = figures::Running::begin();
        let scratch = self.scratch()?;
        scratch.write("text", text.as_bytes())?;
        let mut command = command(program, &scratch)?;
        command.args(arguments).arg(text_flag).arg(scratch.text()).arg(wav_flag).arg(scratch.wav());
        self.finish(program, command, &scratch, self.timeout).await?;
        self.wav(&scratch.wav())
    }

    /// Runs the program in its working directory, for so long at most.
    pub(crate) async fn run(
        &self,
        program: &Program,
        arguments: &[&OsStr],
        scratch: &Scratch,
        timeout: Duration,
    ) -> Result<(), ProgramError> {
        let mut command = command(program, scratch)?;
        command.args(arguments);
        self.finish(program, command, scratch, timeout).await
    }

    async fn finish(
        &self,
        program: &Program,
        mut command: Command,
        scratch: &Scratch,
        timeout: Duration,
    ) -> Result<(), ProgramError> {
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => program.missing(),
            _ => ProgramError::Failed(error.to_string()),
        })?;
        let Ok(ended) = tokio::time::timeout(timeout, child.wait()).await else {
            // Reaped here, so that no dead process is left behind.
            let _ = child.kill().await;
            return Err(ProgramError::Failed(format!("it took longer than {} s", timeout.as_secs_f32())));
        };
        let status = ended.map_err(|error| ProgramError::Failed(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        let complaint = read(&scratch.complaints(), 4_096).unwrap_or_default();
        let complaint: String =
            String::from_utf8_lossy(&complaint).trim().chars().take(COMPLAINT_CHARS_MAX).collect();
        Err(ProgramError::Failed(format!("{status} {complaint}").trim().to_owned()))
    }

    fn wav(&self, path: &Path) -> Result<Vec<u8>, ProgramError> {
        let failed = |why: &str| ProgramError::Failed(why.to_owned());
        let wav =
            read(path, self.output_bytes_max.saturating_add(1)).map_err(|_| failed("it wrote no sound"))?;
        if u64::try_from(wav.len()).unwrap_or(u64::MAX) > self.output_bytes_max {
            return Err(failed("it wrote more sound than the limit"));
        }
        // A bare header (RIFF, fmt, data) has 44 bytes.
        if !wav.starts_with(b"RIFF") || wav.len() <= 44 {
            return Err(failed("the text gives no sound"));
        }
        Ok(wav)
    }
}

fn command(program: &Program, scratch: &Scratch) -> Result<Command, ProgramError> {
    let printed = create(&scratch.printed()).map_err(|error| scratch_failed(&error))?;
    let complaints = create(&scratch.complaints()).map_err(|error| scratch_failed(&error))?;
    let mut command = Command::new(&program.path);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::from(printed))
        .stderr(Stdio::from(complaints))
        .current_dir(&scratch.dir)
        .env("LC_ALL", "C.UTF-8")
        .kill_on_drop(true);
    Ok(command)
}

fn scratch_failed(error: &io::Error) -> ProgramError {
    ProgramError::Failed(format!("its working directory: {error}"))
}

/// Made anew: nothing is written through a foreign link. What an earlier run of the same turn printed is written over.
fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The right to run programs, one after the other.
#[derive(Debug)]
pub(crate) struct Turn<'r> {
    _admitted: SemaphorePermit<'r>,
    _running: SemaphorePermit<'r>,
}

/// A directory of one run, readable by nobody else, gone with the run.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    fn make(root: &Path) -> Result<Self, ProgramError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        for _ in 0..SCRATCH_TRIES_MAX {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let dir = root.join(format!("lyrebird-speech-{}-{number}", std::process::id()));
            // Making it fails where anything of that name exists, a foreign link too.
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Ok(Self { dir }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(scratch_failed(&error)),
            }
        }
        Err(ProgramError::Failed("its working directory cannot be made".to_owned()))
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), ProgramError> {
        let written = create(&self.dir.join(name)).and_then(|mut file| file.write_all(content));
        written.map_err(|error| scratch_failed(&error))
    }

    /// What the program wrote into a file of it, so many bytes at most; none if it wrote no such file.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> Option<String> {
        let bytes = read(&self.dir.join(name), bytes_max).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Removes a file of it.
    pub(crate) fn remove(&self, name: &str) {
        // Whatever stays goes with the directory.
        let _ = std::fs::remove_file(self.dir.join(name));
    }

    fn text(&self) -> PathBuf {
        self.dir.join("text")
    }

    fn wav(&self) -> PathBuf {
        self.dir.join("wav")
    }

    fn printed(&self) -> PathBuf {
        self.dir.join("printed")
    }

    fn complaints(&self) -> PathBuf {
        self.dir.join("complaints")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, "a working directory of a speech engine stays behind");
        }
    }
}
