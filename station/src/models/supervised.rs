//! An opened graph in a worker that may hang or die: it is killed and opened again in the background, and left alone for a while when that
//! happens time and again. No part waits for the opening: until it is done, each is told at once why it was not measured.

use super::process::{Fault, Launch, Process, Refusal};
use super::protocol::{Answer, Ask, OpenGraph};
use inspector::models::{Network, NetworkError};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// After so many hangs or deaths in a row the model is left alone.
const STRIKES: u32 = 2;
/// For how long, the first time; twice as long each time after that.
const FIRST_REST: Duration = Duration::from_secs(30);
/// At most for so long.
const LONGEST_REST: Duration = Duration::from_secs(600);
/// Most numbers that a model may give back for one picture: 512 MB.
pub(super) const MAX_OUTPUT: usize = 128 << 20;

/// A graph and the worker that runs it. Dropping it ends the worker.
#[derive(Debug)]
pub(super) struct Supervised(Arc<Shared>);

/// What those who run the graph share with the thread that opens it again.
#[derive(Debug)]
struct Shared {
    launch: Launch,
    graph: OpenGraph,
    run_time: Duration,
    runtime: String,
    state: Mutex<State>,
    /// Tells that nobody needs the graph any more.
    dropped: Condvar,
}

#[derive(Debug)]
struct State {
    /// `None` from a fault until the graph is open again.
    worker: Option<Process>,
    /// Faults in a row.
    strikes: u32,
    /// The last fault.
    why: Option<NetworkError>,
    /// It is not opened before.
    rest_until: Instant,
    /// Opens it again.
    opener: Option<JoinHandle<()>>,
    dropped: bool,
}

impl Supervised {
    /// Starts a worker and opens the graph in it.
    pub(super) fn open(
        launch: Launch,
        graph: OpenGraph,
        run_time: Duration,
        runtime: String,
    ) -> Result<Self, NetworkError> {
        let worker = Some(open(&launch, &graph)?);
        let state = State { worker, strikes: 0, why: None, rest_until: Instant::now(), opener: None, dropped: false };
        let (state, dropped) = (Mutex::new(state), Condvar::new());
        Ok(Self(Arc::new(Shared { launch, graph, run_time, runtime, state, dropped })))
    }

    /// Sees to it that the graph is opened again.
    fn open_again(&self, state: &mut State) {
        if state.opener.as_ref().is_some_and(|opener| !opener.is_finished()) {
            return;
        }
        let shared = self.0.clone();
        let opener = std::thread::Builder::new().name("open-model-again".into()).spawn(move || shared.open_again());
        // Without a thread the next part tries again.
        state.opener = opener.inspect_err(|e| tracing::error!("the system gives no thread: {e}")).ok();
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.dropped = true;
        drop(state.worker.take());
        self.0.dropped.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the graph when its rest is over, time and again until it is open or nobody needs it any more.
    fn open_again(&self) {
        let mut state = self.lock();
        loop {
            let rest = state.rest_until.saturating_duration_since(Instant::now());
            let waited = self.dropped.wait_timeout_while(state, rest, |s| !s.dropped);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.dropped {
                return;
            }
            drop(state);
            let opened = open(&self.launch, &self.graph);
            state = self.lock();
            match opened {
                Ok(worker) => {
                    state.worker = Some(worker).filter(|_| !state.dropped);
                    return;
                }
                Err(why) => self.note(&mut state, &why),
            }
        }
    }

    /// Counts a fault and lets the model rest when it is one of several in a row.
    fn note(&self, state: &mut State, why: &NetworkError) {
        tracing::error!("model {}: {why}", self.graph.file.display());
        state.strikes += 1;
        state.rest_until = Instant::now() + rest(state.strikes).unwrap_or_default();
        state.why = Some(why.clone());
    }

    /// Runs in `worker`, and keeps it unless it hangs or dies.
    fn run_in(&self, mut worker: Process, state: &mut State, input: &[f32]) -> Result<Vec<ArrayD<f32>>, NetworkError> {
        let failed = |what: String| NetworkError::Failed { what };
        let handed_over = worker.memory().write_all_at(bytemuck::cast_slice(input), 0);
        let result = match handed_over {
            Err(e) => Err(failed(format!("its input cannot be handed over: {e}"))),
            Ok(()) => match worker.ask(&Ask::Run, self.run_time) {
                Ok(Answer::Ran { shapes }) => outputs(&worker, &self.graph, &shapes).map_err(failed),
                Ok(Answer::No { what }) => Err(failed(what)),
                Ok(other) => return Err(self.fault(worker.confused(&other))),
                Err(fault) => return Err(self.fault(fault)),
            },
        };
        state.worker = Some(worker);
        result
    }

    fn fault(&self, fault: Fault) -> NetworkError {
        match fault {
            Fault::Hung => NetworkError::Hung { limit_ms: self.run_time.as_millis() as u64 },
            Fault::Died(what) => NetworkError::Died { what },
        }
    }
}

impl State {
    /// Why there is no worker now.
    fn away(&self) -> NetworkError {
        let why = self.why.as_ref().map(ToString::to_string).unwrap_or_default();
        let left = self.rest_until.saturating_duration_since(Instant::now());
        let what = if left.is_zero() {
            format!("it is being opened again, because {why}")
        } else {
            format!("{} times in a row, last: {why}; it is tried again in {} s", self.strikes, left.as_secs() + 1)
        };
        NetworkError::Failed { what }
    }
}

impl Network for Supervised {
    fn run(&self, input: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>, NetworkError> {
        let shared = &*self.0;
        if input.shape() != shared.graph.shape {
            let what = format!("expected an input of {:?}, found {:?}", shared.graph.shape, input.shape());
            return Err(NetworkError::Failed { what });
        }
        let input = input.as_standard_layout();
        let input = input.as_slice().expect("standard layout is contiguous");
        let mut state = shared.lock();
        let result = match state.worker.take() {
            Some(worker) => shared.run_in(worker, &mut state, input),
            None => Err(state.away()),
        };
        match &result {
            Ok(_) => state.strikes = 0,
            Err(why @ (NetworkError::Hung { .. } | NetworkError::Died { .. })) => shared.note(&mut state, why),
            // The runtime said no to this picture, and is well; or there is no worker now.
            Err(_) => {}
        }
        if state.worker.is_none() {
            self.open_again(&mut state);
        }
        result
    }

    fn runtime(&self) -> String {
        self.0.runtime.clone()
    }
}

/// How long a model is left alone after so many faults in a row.
fn rest(strikes: u32) -> Option<Duration> {
    let doublings = strikes.checked_sub(STRIKES)?;
    Some(FIRST_REST.saturating_mul(1 << doublings.min(10)).min(LONGEST_REST))
}

/// Starts a worker with the graph opened in it.
fn open(launch: &Launch, graph: &OpenGraph) -> Result<Process, NetworkError> {
    let refused = |what: String| NetworkError::Refused { what };
    let fault = |fault: Fault| match fault {
        Fault::Hung => refused(format!("it did not open within {} s and was stopped", launch.patience.as_secs())),
        Fault::Died(what) => refused(format!("the program that runs models ended while opening it ({what})")),
    };
    let mut worker = Process::start(launch).map_err(|e| match e {
        Refusal::Said(what) => refused(what),
        Refusal::Fault(f) => fault(f),
    })?;
    match worker.ask(&Ask::Open(graph.clone()), launch.patience).map_err(fault)? {
        Answer::Opened => Ok(worker),
        Answer::No { what } => Err(refused(what)),
        other => Err(fault(worker.confused(&other))),
    }
}

/// Reads the outputs from the shared memory.
fn outputs(worker: &Process, graph: &OpenGraph, shapes: &[Vec<usize>]) -> Result<Vec<ArrayD<f32>>, String> {
    let count = |shape: &Vec<usize>| shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    let total = shapes.iter().map(count).try_fold(0_usize, |sum, n| sum.checked_add(n?));
    if shapes.len() != graph.outputs.len() || total.is_none_or(|total| total > MAX_OUTPUT) {
        return Err(format!(
            "expected {} outputs of at most {MAX_OUTPUT} numbers, found {shapes:?}",
            graph.outputs.len()
        ));
    }
    let mut at = graph.outputs_at();
    shapes
        .iter()
        .map(|shape| {
            let mut numbers = vec![0_f32; shape.iter().product()];
            worker
                .memory()
                .read_exact_at(bytemuck::cast_slice_mut(&mut numbers), at)
                .map_err(|e| format!("its outputs cannot be read: {e}"))?;
            at += numbers.len() as u64 * 4;
            ArrayD::from_shape_vec(IxDyn(shape), numbers).map_err(|e| e.to_string())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_begin_with_the_second_fault_and_grow_up_to_a_bound() {
        let seconds: Vec<Option<u64>> = (0..9).map(|n| rest(n).map(|d| d.as_secs())).collect();
        let expected = [None, None, Some(30), Some(60), Some(120), Some(240), Some(480), Some(600), Some(600)];
        assert_eq!(seconds, expected);
        assert_eq!(rest(u32::MAX), Some(LONGEST_REST));
    }
}
