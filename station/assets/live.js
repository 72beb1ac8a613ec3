// The live page: follows the event stream, shows each new part, and says loudly when it cannot.
//
// A verdict on the screen must never be older than it looks: without a sign of life for three heartbeats the whole part is greyed.

import { clock, localTimes } from "./times.js";

const live = document.getElementById("live");
const link = document.getElementById("link");
const heartbeat = Number(live.dataset.heartbeat);
const silence = 3 * heartbeat + 1000;

let heard = Date.now();          // last sign of life, by this clock
let shown = Number(live.dataset.last);
let alarms = null;               // station errors that somebody has seen
let fetching = false;
let again = false;

const bar = (name) => document.getElementById(`bar-${name}`);

function show(name, visible, text) {
  const element = bar(name);
  const place = element.querySelector("[data-text], [data-age]");
  if (text !== undefined && place.textContent !== text) place.textContent = text;
  element.hidden = !visible;
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    do {
      again = false;
      const answer = await fetch("/fragments/live", { cache: "no-store" });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      const fresh = document.createElement("template");
      fresh.innerHTML = await answer.text();
      await loaded(fresh.content.querySelector(".picture img"));
      put(fresh.content);
    } while (again);
  } catch (error) {
    console.warn("the new part cannot be shown yet:", error);
    setTimeout(refresh, 1000);
  } finally {
    fetching = false;
  }
}

// The picture first, for at most 0.8 s, so that verdict and picture change together.
async function loaded(image) {
  if (!image) return;
  const ahead = new Image();
  ahead.src = image.getAttribute("src");
  await Promise.race([ahead.decode().catch(() => {}), new Promise((go) => setTimeout(go, 800))]);
}

function put(content) {
  const open = document.activeElement?.closest("#live a")?.getAttribute("href");
  live.replaceChildren(content);
  localTimes(live);
  const now = live.querySelector(".now");
  if (now) {
    now.classList.add("fresh");
    document.getElementById("spoken").textContent = now.dataset.spoken;
    document.title = document.title.replace(/^[^·]*/, `${now.querySelector(".word").textContent} #${now.dataset.seq} `);
  }
  // Whoever walks through the page by keyboard stays where they were.
  if (open) live.querySelector(`a[href="${CSS.escape(open)}"]`)?.focus({ preventScroll: true });
  tick();
}

function tick() {
  const silent = Date.now() - heard;
  const lost = silent > silence;
  const seconds = (ms) => `${Math.round(ms / 1000)} ${live.dataset.s}`;
  document.body.classList.toggle("lost", lost);
  show("lost", lost, seconds(silent));
  link.hidden = false;
  link.classList.toggle("off", lost);
  link.querySelector("b").textContent = lost ? link.dataset.off : link.dataset.on;
  const time = live.querySelector("time[data-live]");
  if (time) {
    const ms = Math.max(0, Date.now() - new Date(time.dateTime).getTime());
    const at = clock.format(new Date(time.dateTime));
    time.textContent = ms < 100000 ? `${at}, ${seconds(ms)} ${live.dataset.ago}` : at;
  }
}

const stream = new EventSource(`/api/v1/stream?last_event_id=${shown}`);

stream.addEventListener("inspection", (event) => {
  heard = Date.now();
  const seq = Number(event.lastEventId);
  if (seq > shown) { shown = seq; refresh(); }
  document.dispatchEvent(new CustomEvent("recorded", { detail: JSON.parse(event.data) }));
});

stream.addEventListener("heartbeat", (event) => {
  heard = Date.now();
  const beat = JSON.parse(event.data);
  // The camera in view has a bar of its own.
  const inView = document.getElementById("source")?.value;
  const sources = beat.readiness.sources.filter((s) => s.name !== inView).map((s) => ({ ok: s.ok, reason: `${s.name}: ${s.reason}` }));
  const wrong = [beat.readiness.store, beat.readiness.disk, ...sources].filter((c) => !c.ok).map((c) => c.reason);
  show("ready", wrong.length > 0, wrong.join(" · "));
  show("calibration", !beat.readiness.calibration.ok, beat.readiness.calibration.reason);
  if (alarms === null) alarms = Number(sessionStorage.getItem("alarms-seen") ?? 0);
  if (beat.alarms < alarms) alarms = 0; // the station was started again
  show("alarm", beat.alarms > alarms, beat.alarm ?? "");
  bar("alarm").querySelector("button").onclick = () => {
    alarms = beat.alarms;
    sessionStorage.setItem("alarms-seen", String(alarms));
    show("alarm", false);
  };
  tick();
});

// The browser comes back by itself, except after an answer that is no stream.
stream.addEventListener("error", () => {
  if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
});

setInterval(tick, 1000);
