// Shows the view that the address asks for, and keeps it true.

import { ago, say } from "./dom.js";
import { fleet } from "./fleet.js";
import * as changes from "./changes.js";
import * as nics from "./nics.js";
import * as node from "./node.js";
import * as nodes from "./nodes.js";
import * as overview from "./overview.js";
import * as reasons from "./reasons.js";
import * as route from "./route.js";
import * as rows from "./rows.js";
import * as stream from "./stream.js";
import * as words from "./words.js";

const VIEWS = { overview, nics, nodes, node, rows, changes, reasons };
// So often lists are sorted again at most, whatever comes.
const PAUSE = 200;
const TICK = 15_000;

const main = document.getElementById("main");
const by_id = (id) => document.getElementById(id);
let shown = null;
let planned = false;

function show(moved) {
  const { name, of, filters } = route.read();
  shown?.end?.();
  main.replaceChildren();
  const view = Object.hasOwn(VIEWS, name) ? VIEWS[name] : overview;
  shown = view.view(main, filters, of);
  document.title = `${shown.title} · multinic`;
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.hash === (name === "overview" ? "#/" : `#/${name === "node" ? "nodes" : name}`);
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  update();
  // Who goes to another view by keyboard begins at its top.
  if (moved) main.focus({ preventScroll: true });
}

function update() {
  planned = false;
  live();
  notice();
  if (fleet.head) shown.update();
}

function soon() {
  if (planned) return;
  planned = true;
  setTimeout(update, PAUSE);
}

function live() {
  const { live, age } = stream.state();
  by_id("live").className = `live ${live ? "on" : "off"}`;
  say(by_id("live-state"), live ? "Live" : "Not live; reconnecting");
  say(by_id("live-age"), live ? "" : `(as it was ${ago(Date.now() / 1000 - age)} ago)`);
}

function notice() {
  const element = by_id("notice");
  const { head } = fleet;
  const away = head && !head.acts;
  element.hidden = !away;
  if (away) {
    const pod = head.leader;
    say(element, pod
      ? `This operator stands by and knows no Nodes. The one that acts is ${pod}: forward a port to that pod, in the same namespace, as you did to this one.`
      : "This operator stands by and knows no Nodes. Which one acts is not known yet.");
  }
}

// Its address would be that of another view.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => show(true));
setInterval(live, 1000);
setInterval(() => fleet.head && shown.tick?.(), TICK);

async function start() {
  try {
    await words.load();
  } catch {
    setTimeout(start, 2000);
    return;
  }
  show(false);
  stream.listen(soon);
}

start();
