// The camera on the live page: its picture a few times a second, the button, the key or foot pedal.
//
// A picture that stands still is never shown as if it were live: two seconds after its exposure (later for a slow camera, which says so) it
// is greyed, a red bar says why there is no newer one, and the button does nothing.

const PAUSE_MS = 200;            // between two pictures
const PATIENCE_MS = 4000;        // for an answer with a picture
const TEXT_FIELDS = "input:not([type=hidden]), select, textarea, [contenteditable]";
const OWN_KEYS = "a, button, summary, [role=button]"; // what Space and Enter mean something for already

const eye = document.getElementById("eye");
const view = document.getElementById("view");
const order = document.getElementById("order");
const source = document.getElementById("source");
const shoot = document.getElementById("shoot");
const watch = document.getElementById("watch");
const serial = document.getElementById("serial");
const tableEmpty = document.getElementById("table-empty");

// The page came with its first picture, which was exposed at most so long before the page was asked for.
const first = document.getElementById("first");

let exposed = first ? -Number(first.dataset.age) : -Infinity; // of the picture on the page, by performance.now()
let liveMs = 2000;               // a picture older than this is not live
let looking = performance.now(); // since when somebody looks
let reason = document.querySelector("#bar-live [data-text]").textContent;
let busy = false;

const chosen = () => source.selectedOptions?.[0] ?? source;
const address = (what) => `/api/v1/sources/${encodeURIComponent(chosen().value)}/${what}`;

function bar(name, text) {
  const element = document.getElementById(`bar-${name}`);
  const place = element.querySelector("[data-text]");
  if (text && place.textContent !== text) place.textContent = text;
  element.hidden = !text;
}

async function ask(path, options, patience) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  try {
    return await fetch(path, { cache: "no-store", signal: abort.signal, ...options });
  } finally {
    clearTimeout(timer);
  }
}

async function problem(answer) {
  try {
    const { reason, detail } = await answer.json();
    return reason ?? detail;
  } catch { return `HTTP ${answer.status}`; }
}

async function look() {
  if (!document.hidden) {
    const name = chosen().value;
    try {
      const answer = await ask(address("picture"), {}, PATIENCE_MS);
      if (answer.ok) {
        const [age, live] = ["age", "live"].map((what) => Number(answer.headers.get(`x-picture-${what}-ms`)));
        const arrived = performance.now();
        const picture = await createImageBitmap(await answer.blob());
        if (name === chosen().value) show(picture, arrived - age, live, answer.headers.get("x-watching"));
      } else {
        reason = await problem(answer);
        exposed = -Infinity;
      }
    } catch {
      reason = eye.dataset.unreachable;
    }
  }
  tick();
  setTimeout(look, PAUSE_MS);
}

function show(picture, at, live, watching) {
  first?.remove();
  view.hidden = false;
  if (view.width !== picture.width) view.width = picture.width;
  if (view.height !== picture.height) view.height = picture.height;
  view.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
  [exposed, liveMs, reason] = [at, live, ""];
  const text = eye.dataset[watching] ?? "";
  if (watch.textContent !== text) watch.textContent = text;
  watch.hidden = !text;
  watch.className = watching ?? "";
}

function tick() {
  const now = performance.now();
  const live = now - exposed <= liveMs;
  eye.classList.toggle("blind", !live);
  shoot.disabled = !live || busy;
  // Without a reason after a moment only: a page that was just opened is not blind.
  const blind = !live && !document.hidden && (reason || now - Math.max(exposed, looking) > liveMs);
  bar("live", blind ? reason || eye.dataset.unreachable : "");
}

function choose() {
  const { key, trigger } = chosen().dataset;
  document.getElementById("key").textContent = key;
  tableEmpty.hidden = trigger !== "auto";
  watch.hidden = true;
}

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

function asked() {
  const fields = Object.fromEntries(new FormData(order));
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text.trim() !== ""));
}

async function photograph() {
  if (shoot.disabled) return;
  busy = true;
  eye.classList.add("busy");
  tick();
  const request = {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": random() },
    body: JSON.stringify(asked()),
  };
  try {
    // The same key again after a lost answer: the part is not recorded twice.
    const answer = await ask("/api/v1/capture", request, 30000).catch(() => ask("/api/v1/capture", request, 30000));
    if (answer.ok) used((await answer.json()).serial);
    bar("shot", answer.ok ? "" : await problem(answer));
  } catch {
    bar("shot", eye.dataset.unreachable);
  } finally {
    busy = false;
    eye.classList.remove("busy");
    tick();
  }
}

// A serial number belongs to one part.
function used(number) {
  if (!number) return;
  if (serial.value.trim() === number) serial.value = "";
  for (const option of source.options ?? [source]) {
    if (option.dataset.serial?.trim() === number) option.dataset.serial = "";
  }
}

async function select() {
  const { source: _, ...selection } = asked();
  const [camera, values] = [chosen(), { recipe: order.recipe.value, lot: order.lot.value, serial: serial.value }];
  const answer = await ask(address("selection"), { method: "PUT", body: JSON.stringify(selection) }, PATIENCE_MS).catch(() => null);
  // What the form shows when somebody comes back to this camera.
  if (answer?.ok) Object.assign(camera.dataset, values);
  bar("shot", answer === null ? eye.dataset.unreachable : answer.ok ? "" : await problem(answer));
}

order.addEventListener("submit", (event) => {
  event.preventDefault();
  // A scanner ends a serial number with Enter: that is not yet the wish for a picture.
  if (event.submitter === shoot) photograph(); else shoot.focus();
});

order.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault();
  if (!event.repeat) shoot.focus();
});

order.addEventListener("change", (event) => {
  if (event.target === source) {
    const { recipe, lot, serial: number } = chosen().dataset;
    [order.recipe.value, order.lot.value, serial.value] = [recipe, lot, number];
    [exposed, looking, reason] = [-Infinity, performance.now(), ""];
    choose();
    tick();
  } else {
    select();
  }
});

// A foot pedal is a keyboard with one key.
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const options = [chosen(), ...(source.options ?? [])];
  const meant = options.find((option) => option.dataset.key === event.code);
  if (!meant || event.target.closest(TEXT_FIELDS)) return;
  const pressed = event.target.closest(OWN_KEYS);
  if (pressed && (event.code === "Space" || event.code.endsWith("Enter"))) return;
  event.preventDefault();
  if (meant !== chosen()) {
    source.value = meant.value;
    source.dispatchEvent(new Event("change", { bubbles: true }));
    return;
  }
  photograph();
});

tableEmpty.addEventListener("click", async () => {
  const answer = await ask(address("empty"), { method: "POST" }, PATIENCE_MS).catch(() => null);
  if (!answer?.ok) bar("shot", answer === null ? eye.dataset.unreachable : await problem(answer));
});

document.addEventListener("visibilitychange", () => { looking = performance.now(); });
document.addEventListener("recorded", (event) => used(event.detail.serial));

choose();
look();
setInterval(tick, 250);
