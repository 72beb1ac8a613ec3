//! A worker process, as the station sees it: started, asked with a deadline, killed when it does not answer.
//!
//! Its stdin is a socket, its stdout the shared memory, its stderr is read and its last words kept. It is in a process group of its own, so
//! that Ctrl-C stops the station and not the model of a part that is being judged.

use super::protocol::{Answer, Ask, Backend, receive, send};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The hidden command that makes this program a worker.
pub(crate) const COMMAND: &str = "model-worker";
/// Bytes of a worker's last words.
const LAST_WORDS: usize = 400;
/// Most bytes of a line that are held at once: what runs there is foreign, and may write without ever ending a line.
const LINE_BYTES: u64 = 4096;
/// How long a worker that closed its socket may take to end.
const END_PATIENCE: Duration = Duration::from_millis(500);

/// Why a worker did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// In time.
    Hung,
    /// It ended: how, and its last words.
    Died(String),
}

/// How workers are started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// The program; it understands [`COMMAND`].
    pub(super) program: PathBuf,
    pub(super) backend: Backend,
    pub(super) memory_bytes: u64,
    pub(super) patience: Duration,
}

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Option<Child>,
    socket: UnixStream,
    memory: File,
    last_words: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
    memory_bytes: u64,
}

/// This program, also when its file was replaced meanwhile.
pub(super) fn this_program() -> PathBuf {
    let link = Path::new("/proc/self/exe");
    if link.exists() { link.to_owned() } else { std::env::current_exe().unwrap_or_else(|_| "assay".into()) }
}

impl Process {
    /// Starts a worker and its runtime.
    pub(super) fn start(launch: &Launch) -> Result<Self, Refusal> {
        let cannot = |e: io::Error| Refusal::Said(format!("the process for models cannot be started: {e}"));
        let (socket, theirs) = UnixStream::pair().map_err(cannot)?;
        let memory = shared_memory().map_err(cannot)?;
        let mut child = Command::new(&launch.program)
            .arg(COMMAND)
            .stdin(OwnedFd::from(theirs))
            .stdout(memory.try_clone().map_err(cannot)?)
            .stderr(Stdio::piped())
            // Its last words are its message, not the places in the program.
            .env("RUST_BACKTRACE", "0")
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        let last_words = Arc::<Mutex<String>>::default();
        let listener = child.stderr.take().map(|stderr| listen(stderr, last_words.clone()));
        let mut process =
            Self { child: Some(child), socket, memory, last_words, listener, memory_bytes: launch.memory_bytes };
        let ask = Ask::Start { backend: launch.backend.clone(), memory_bytes: launch.memory_bytes };
        match process.ask(&ask, launch.patience)? {
            Answer::Started => Ok(process),
            Answer::No { what } => Err(Refusal::Said(what)),
            other => Err(Refusal::Fault(process.confused(&other))),
        }
    }

    /// The memory that both have open.
    pub(super) fn memory(&self) -> &File {
        &self.memory
    }

    /// Asks and waits for the answer. After a [`Fault`] the process is gone.
    pub(super) fn ask(&mut self, ask: &Ask, patience: Duration) -> Result<Answer, Fault> {
        let until = Instant::now() + patience;
        let mut timed = Timed { socket: &self.socket, until };
        let answer = send(&mut timed, ask).and_then(|()| receive(&mut timed));
        answer.map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                self.kill();
                Fault::Hung
            }
            _ => Fault::Died(self.post_mortem(&e)),
        })
    }

    /// A worker that answers something else is as good as dead.
    pub(super) fn confused(&mut self, answer: &Answer) -> Fault {
        self.kill();
        Fault::Died(format!("it answered something else: {answer:?}").chars().take(LAST_WORDS).collect())
    }

    /// How it ended, and what it said last.
    fn post_mortem(&mut self, e: &io::Error) -> String {
        let status = self.child.take().and_then(|child| end(child, END_PATIENCE));
        // The pipe closes with the process, and its last words are all there; unless a process that it started holds the pipe open.
        if let Some(listener) = self.listener.take() {
            let until = Instant::now() + END_PATIENCE;
            while !listener.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
            if listener.is_finished() {
                drop(listener.join());
            }
        }
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned();
        if words.contains("memory allocation of") || words.contains("bad_alloc") {
            return format!("it needs more than the {} MB that a model may use", self.memory_bytes / 1_000_000);
        }
        let how = match status {
            Some(status) => status.to_string(),
            None => format!("it closed its connection: {e}"),
        };
        if words.is_empty() { how } else { format!("{how}; its last words: {words}") }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill_all(&mut child);
            end(child, END_PATIENCE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Why there is no worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It or the system said no.
    Said(String),
    /// It did not answer.
    Fault(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Waits for the end of a process, kills it when it takes long, and never waits for ever: a process that the kernel holds is left to a thread.
fn end(mut child: Child, patience: Duration) -> Option<ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            _ => break,
        }
    }
    kill_all(&mut child);
    // Without a thread it stays a zombie until the station ends, which harms nobody.
    drop(std::thread::Builder::new().name("model-reaper".into()).spawn(move || child.wait()));
    None
}

/// Kills a worker that was not waited for yet (so that its number is still its own), and what it started.
fn kill_all(child: &mut Child) {
    // Both fail only when there is nothing left to kill.
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
    let _ = child.kill();
}

/// Keeps the last words and hands every line to the log. After a panic the first words are kept: the cause comes before the trace.
fn listen(stderr: ChildStderr, last_words: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut panicked = false;
        let mut stderr = BufReader::new(stderr);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match stderr.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim();
            tracing::debug!("model worker: {line}");
            let mut kept = last_words.lock().unwrap_or_else(PoisonError::into_inner);
            if !panicked && line.contains("panicked at") {
                panicked = true;
                kept.clear();
            }
            let joined = if kept.is_empty() { line.to_owned() } else { format!("{kept} {line}") };
            let excess = if panicked { 0 } else { joined.chars().count().saturating_sub(LAST_WORDS) };
            *kept = joined.chars().skip(excess).take(LAST_WORDS).collect();
        }
    })
}

/// Memory that can be handed to a child as a file.
fn shared_memory() -> io::Result<File> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::memfd_create("assay-model", rustix::fs::MemfdFlags::CLOEXEC)?.into());
    #[cfg(not(target_os = "linux"))]
    tempfile::tempfile()
}

/// A socket with one deadline for everything.
struct Timed<'a> {
    socket: &'a UnixStream,
    until: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        let mut socket = self.socket;
        socket.read(buffer)
    }
}

impl io::Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        let mut socket = self.socket;
        socket.write(buffer)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
