//! An opened graph in a worker that may hang or die: it is killed, started again, and left alone for a while when that happens time and again,
//! so that the line goes on at full speed.

use super::process::{Fault, Launch, Process, Refusal};
use super::protocol::{Answer, Ask, OpenGraph};
use inspector::models::{Network, NetworkError};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so many hangs or deaths in a row the model is left alone.
const STRIKES: u32 = 2;
/// For how long, the first time; twice as long each time after that.
const FIRST_REST: Duration = Duration::from_secs(30);
/// At most for so long.
const LONGEST_REST: Duration = Duration::from_secs(600);
/// Most numbers that a model may give back for one picture: 512 MB.
pub(super) const MAX_OUTPUT: usize = 128 << 20;

/// A graph and the worker that runs it.
#[derive(Debug)]
pub(super) struct Supervised {
    launch: Launch,
    graph: OpenGraph,
    run_time: Duration,
    runtime: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    worker: Option<Process>,
    strikes: u32,
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    until: Instant,
    why: NetworkError,
}

impl Supervised {
    /// Starts a worker and opens the graph in it.
    pub(super) fn open(
        launch: Launch,
        graph: OpenGraph,
        run_time: Duration,
        runtime: String,
    ) -> Result<Self, NetworkError> {
        let worker = open(&launch, &graph)?;
        let state = Mutex::new(State { worker: Some(worker), ..State::default() });
        Ok(Self { launch, graph, run_time, runtime, state })
    }

    /// One attempt.
    fn attempt(&self, state: &mut State, input: &[f32]) -> Result<Vec<ArrayD<f32>>, NetworkError> {
        let mut worker = match state.worker.take() {
            Some(worker) => worker,
            None => open(&self.launch, &self.graph)?,
        };
        let failed = |what: String| NetworkError::Failed { what };
        worker
            .memory()
            .write_all_at(bytemuck::cast_slice(input), 0)
            .map_err(|e| failed(format!("its input cannot be handed over: {e}")))?;
        let result = match worker.ask(&Ask::Run, self.run_time) {
            Ok(Answer::Ran { shapes }) => outputs(&worker, &self.graph, &shapes).map_err(failed),
            Ok(Answer::No { what }) => Err(failed(what)),
            Ok(other) => return Err(self.fault(worker.confused(&other))),
            Err(fault) => return Err(self.fault(fault)),
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

impl Network for Supervised {
    fn run(&self, input: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>, NetworkError> {
        if input.shape() != self.graph.shape {
            let what = format!("expected an input of {:?}, found {:?}", self.graph.shape, input.shape());
            return Err(NetworkError::Failed { what });
        }
        let input = input.as_standard_layout();
        let input = input.as_slice().expect("standard layout is contiguous");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rest) = &state.rest {
            let left = rest.until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                let (times, why) = (state.strikes, &rest.why);
                let what =
                    format!("{times} times in a row, last: {why}; it is tried again in {} s", left.as_secs() + 1);
                return Err(NetworkError::Failed { what });
            }
        }
        let result = self.attempt(&mut state, input);
        match &result {
            Ok(_) => (state.strikes, state.rest) = (0, None),
            Err(why @ (NetworkError::Hung { .. } | NetworkError::Died { .. } | NetworkError::Refused { .. })) => {
                state.strikes += 1;
                tracing::error!("model {}: {why}", self.graph.file.display());
                let rest = rest(state.strikes);
                state.rest = rest.map(|rest| Rest { until: Instant::now() + rest, why: why.clone() });
            }
            // The runtime said no to this picture: it is well.
            Err(_) => {}
        }
        result
    }

    fn runtime(&self) -> String {
        self.runtime.clone()
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
    let (mut worker, _) = Process::start(launch).map_err(|e| match e {
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
