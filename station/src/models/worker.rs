//! The worker's side: `assay model-worker`, started by the station alone. Whatever a model or a library does, it does it here.

use super::backend::{Engine, Opened};
use super::protocol::{Answer, Ask, receive, send};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

/// What the system gave this process.
struct Ends {
    socket: UnixStream,
    memory: File,
}

/// Serves one station until it hangs up. Never call it in a process that does something else.
pub fn worker_main() -> ExitCode {
    let served = ends().and_then(|ends| {
        end_with_the_station(&ends.socket)?;
        serve(ends)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

/// Takes socket and memory from stdin and stdout, and leaves nothing there for a library to write into by accident.
fn ends() -> io::Result<Ends> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr().map_err(|_| io::Error::other("`model-worker` is started by the station itself, not by hand"))?;
    let memory = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(Ends { socket, memory })
}

/// A thread that ends this process when the station is gone, whatever the model is doing then.
fn end_with_the_station(socket: &UnixStream) -> io::Result<()> {
    let socket: OwnedFd = socket.as_fd().try_clone_to_owned()?;
    std::thread::Builder::new().stack_size(64 << 10).name("station-gone".into()).spawn(move || {
        loop {
            // Nothing is asked for but the hang-up, which is always told.
            let mut fds = [PollFd::new(&socket, PollFlags::empty())];
            if poll(&mut fds, None).is_ok() && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
                // Returning would end this thread alone, and the model may run for ever in the other one. Nobody is left who could be told
                // anything, and what the worker holds (memory, a socket) goes with it.
                std::process::exit(0);
            }
        }
    })?;
    Ok(())
}

fn serve(mut ends: Ends) -> io::Result<()> {
    let (mut engine, mut opened): (Option<Engine>, Option<Opened>) = (None, None);
    loop {
        let ask = match receive(&mut ends.socket) {
            Ok(ask) => ask,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(e),
        };
        let answer = match (ask, &engine, &mut opened) {
            (Ask::Start { backend, memory_bytes }, None, _) => limit(memory_bytes)
                .map_err(|e| format!("the memory of the model's process cannot be limited: {e}"))
                .and_then(|()| Engine::start(&backend))
                .map(|started| {
                    engine = Some(started);
                    Answer::Started
                }),
            (Ask::Open(graph), Some(engine), None) => engine.open(graph).map(|graph| {
                opened = Some(graph);
                Answer::Opened
            }),
            (Ask::Run, _, Some(graph)) => graph.run(&ends.memory).map(|shapes| Answer::Ran { shapes }),
            _ => Err("asked in the wrong order".to_owned()),
        };
        send(&mut ends.socket, &answer.unwrap_or_else(|what| Answer::No { what }))?;
    }
}

/// Bounds what this process can take from the machine, and offers it first when memory runs out.
fn limit(memory_bytes: u64) -> io::Result<()> {
    // Data, not address space: a library's code and a thread's untouched stack take no memory.
    let most = getrlimit(Resource::Data).maximum.map_or(memory_bytes, |max| max.min(memory_bytes));
    setrlimit(Resource::Data, Rlimit { current: Some(most), maximum: Some(most) })?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // Linux only, and never needed for the limit itself.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}
