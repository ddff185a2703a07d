// Hears what differs, comes back by itself, and knows when it has heard nothing for too long.

import { apply, fleet, heard, instance, load } from "./fleet.js";

// Three beats of the operator.
const STALE = 45_000;

let source = null;
// The one attempt to connect that is to come.
let timer = null;
// Which operator is heard.
let speaker = null;
let last = performance.now();
let connected = false;
let version = null;
let loading = null;
let waiting = [];

export const state = () => ({
  live: connected && performance.now() - last < STALE,
  age: Math.round((performance.now() - last) / 1000),
});

export function listen(changed) {
  // A socket that broke silently is opened anew.
  setInterval(() => {
    if (connected && performance.now() - last >= STALE) again(changed, 0);
  }, 5000);
  connect(changed);
}

function connect(changed) {
  source?.close();
  source = new EventSource("/api/events");
  const on = (name, take) => source.addEventListener(name, (event) => {
    last = performance.now();
    take(JSON.parse(event.data), event.lastEventId);
    changed();
  });
  on("hello", (hello, id) => {
    connected = true;
    heard(hello.read);
    // Another operator has other files.
    if (version !== null && version !== hello.version) location.reload();
    version = hello.version;
    speaker = instance(id);
    if (id !== fleet.id) renew(changed);
  });
  on("beat", (beat) => heard(beat.read));
  on("update", (update, id) => take(update, id, changed));
  on("reload", () => again(changed, 200 + Math.random() * 800));
  source.onerror = () => {
    connected = false;
    // Otherwise the browser tries by itself.
    if (source.readyState === EventSource.CLOSED) again(changed, 3000);
    changed();
  };
}

function again(changed, pause) {
  connected = false;
  source?.close();
  clearTimeout(timer);
  timer = setTimeout(() => connect(changed), pause);
}

// What comes while the whole is on its way is kept until it is there.
function take(update, id, changed) {
  if (loading) waiting.push([update, id]);
  else if (apply(update)) fleet.id = id;
  else renew(changed);
}

function renew(changed) {
  if (loading) return;
  waiting = [];
  loading = load()
    .then(() => {
      loading = null;
      // What another operator says of its revisions does not lead on from these.
      if (instance(fleet.id) !== speaker) {
        again(changed, 1000);
        return;
      }
      for (const [update, id] of waiting.splice(0)) take(update, id, changed);
    })
    .catch(() => {
      loading = null;
      again(changed, 2000);
    })
    .finally(changed);
}
