//! `/api/v1/stream`: new records as they are made, without a gap.
//!
//! A client is fed from the ledger by position, never from a buffer of its own: one that falls behind, loses its connection, or
//! comes back after a restart of the station goes on after the last number it saw, and costs a bounded amount of memory.

use super::extract::QueryParts;
use super::health::Readiness;
use super::problem::Problem;
use super::state::AppState;
use super::view::InspectionView;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};

/// Entries read from the ledger at a time.
const BATCH: usize = 16;
/// Events waiting for a slow client.
const WAITING: usize = 4;
/// A client that takes no event for this long is let go; it can come back and resume.
const PATIENCE: Duration = Duration::from_secs(30);
/// When a browser should come back after a lost connection.
const RETRY: Duration = Duration::from_secs(1);

/// Where to resume.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// As `Last-Event-ID`, for clients that cannot set a header.
    last_event_id: Option<u64>,
}

/// A sign of life.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Heartbeat {
    /// Last synced entry.
    last_seq: u64,
    /// Photos waiting to be judged.
    waiting: usize,
    /// Station errors since the start; when it grows, a part is held.
    alarms: u64,
    /// The last of them.
    alarm: Option<String>,
    /// As `/readyz`.
    readiness: Readiness,
}

/// New records as Server-Sent Events.
///
/// Events: `inspection` (its `id` is the sequence number, its data the record), `heartbeat` every few seconds, so that a dead
/// connection is noticed. Resume with `Last-Event-ID`; without it the stream starts with the next record.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "inspections",
    params(StreamQuery, ("Last-Event-ID" = Option<u64>, Header, description = "Number of the last record seen")),
    responses(
        (status = 200, description = "A stream of events", content_type = "text/event-stream", body = InspectionView),
        (status = 400, description = "Last-Event-ID is no number", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many open streams", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn stream(
    State(state): State<AppState>,
    QueryParts(query): QueryParts<StreamQuery>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let resume = match headers.get("last-event-id") {
        None => query.last_event_id,
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            Some(id.ok_or_else(|| Problem::bad_request("Last-Event-ID: expected the sequence number of a record"))?)
        }
    };
    let place = state.0.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new("busy", format!("{} event streams are open already", state.limits.streams))
            .with("retry_after_s", 5)
    })?;
    let last = state.last_seq().await?;
    // A number beyond the end comes from another ledger: start with the next record.
    let position = resume.map_or(last, |seq| seq.min(last));
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(feed(state, position, sender, place));
    let headers = [("cache-control", "no-store"), ("x-accel-buffering", "no")];
    Ok((headers, Sse::new(ReceiverStream::new(receiver))))
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

async fn feed(state: AppState, mut position: u64, sender: Sender, _place: OwnedSemaphorePermit) {
    let (mut last, mut alarm, mut stopping) =
        (state.desk.ledger.subscribe(), state.desk.line.alarm(), state.stopping.clone());
    let mut beat = tokio::time::interval(state.limits.heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // Marked as seen before reading: what is synced while we read wakes us again.
        last.borrow_and_update();
        let Ok(entries) = state.ask(move |ledger| ledger.since(position, BATCH)).await else { return };
        let more = !entries.is_empty();
        for entry in entries {
            position = entry.seq;
            let Some(view) = InspectionView::of(entry) else { continue };
            let event = Event::default().event("inspection").id(position.to_string()).json_data(view);
            if !send(&sender, event, &mut stopping).await {
                return;
            }
        }
        if more {
            continue;
        }
        let announce = tokio::select! {
            changed = last.changed() => if changed.is_ok() { false } else { return },
            changed = alarm.changed() => if changed.is_ok() { true } else { return },
            _ = beat.tick() => true,
            _ = stopping.wait_for(|stop| *stop) => return,
            () = sender.closed() => return,
        };
        if announce && !heartbeat(&state, &sender, &mut stopping).await {
            return;
        }
    }
}

async fn heartbeat(state: &AppState, sender: &Sender, stopping: &mut tokio::sync::watch::Receiver<bool>) -> bool {
    let readiness = Readiness::now(state).await;
    let alarm = state.desk.line.alarm().borrow().clone();
    let beat = Heartbeat {
        last_seq: readiness.last_seq,
        waiting: state.desk.line.waiting(),
        alarms: alarm.count,
        alarm: alarm.last,
        readiness,
    };
    send(sender, Event::default().event("heartbeat").retry(RETRY).json_data(beat), stopping).await
}

/// False when the client is gone or too slow, or the station stops.
async fn send(
    sender: &Sender,
    event: Result<Event, axum::Error>,
    stopping: &mut tokio::sync::watch::Receiver<bool>,
) -> bool {
    let Ok(event) = event else { return false };
    tokio::select! {
        sent = sender.send_timeout(Ok(event), PATIENCE) => sent.is_ok(),
        _ = stopping.wait_for(|stop| *stop) => false,
    }
}
