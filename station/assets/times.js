// Shows times in the browser's own time zone. Without this script the pages show UTC.

const hours = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
export const clock = new Intl.DateTimeFormat(undefined, hours);
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", ...hours });
const year = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", ...hours });

function full(at) {
  return (at.getFullYear() === new Date().getFullYear() ? day : year).format(at);
}

export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.dateTime;
    time.textContent = "full" in time.dataset ? full(at) : clock.format(at);
  }
}

localTimes(document);
