// What the operator knows: loaded once, and then changed by what it says.

import { ask } from "./ask.js";
import * as words from "./words.js";

export const fleet = {
  id: null,
  revision: 0,
  head: null,
  // When the table was last read, in seconds of the epoch.
  read: null,
  nodes: new Map(),
  changes: [],
  // Counts what makes a list another one.
  edition: 0,
};

const KEPT = 500;
// A large fleet, by a slow port-forward.
const LONGEST = 120_000;

export async function load() {
  const answer = await ask("/api/fleet", LONGEST);
  if (!answer.ok) throw new Error(`/api/fleet: ${answer.status}`);
  const whole = await answer.json();
  fleet.id = whole.id;
  fleet.revision = whole.revision;
  fleet.head = whole.head;
  fleet.changes = whole.changes;
  fleet.nodes = new Map(whole.nodes.map((row) => [row.name, node(row)]));
  fleet.edition += 1;
  heard(whole.read);
}

// Whether the update leads on from what is here; an older one is in it already.
export function apply(update) {
  if (update.revision <= fleet.revision) return true;
  if (update.revision !== fleet.revision + 1) return false;
  fleet.revision = update.revision;
  if (update.head) fleet.head = update.head;
  if (update.changes) fleet.changes = fleet.changes.concat(update.changes).slice(-KEPT);
  for (const row of update.nodes ?? []) fleet.nodes.set(row.name, node(row));
  for (const name of update.gone ?? []) fleet.nodes.delete(name);
  if (update.nodes || update.gone) fleet.edition += 1;
  return true;
}

// Which operator, that is which process, an id of a revision is of.
export const instance = (id) => id?.split("-")[0] ?? null;

export function heard(age) {
  fleet.read = age === null || age === undefined ? null : Date.now() / 1000 - age;
}

function node(row) {
  const made = { mode: "Enforce", agent: "", ...row };
  made.doubt = words.reason(row.doubt);
  made.ready = condition(row.ready);
  made.synced = condition(row.synced);
  made.leaked = condition(row.leaked);
  made.nics = (row.nics ?? []).map((nic) => interface_of(made, nic));
  made.configured = made.nics.filter((nic) => nic.state === "Configured" && nic.wanted).length;
  made.wanted = made.nics.filter((nic) => nic.wanted).length;
  made.text = `${row.name} ${made.agent} ${made.doubt}`.toLowerCase();
  return made;
}

function condition(told) {
  return told ? { holds: told[0] === 1, reason: words.reason(told[1]), since: told[2] } : null;
}

function interface_of(node, [mac, slot, state, reason, since, wanted, addresses, port]) {
  const name = slot === null ? "" : `multinic${slot}`;
  const nic = { node, mac, name, since, addresses, port, wanted: wanted === 1 };
  nic.state = state === null ? "Unreported" : words.state(state);
  nic.reason = words.reason(reason);
  nic.tone = words.tone(nic.state, nic.reason, node.doubt);
  nic.text = `${node.name} ${name} ${mac} ${addresses} ${port} ${nic.state} ${nic.reason} ${node.doubt}`.toLowerCase();
  return nic;
}

// `update`, but only where the lists are others than when it was last done.
export function once(update) {
  let edition = null;
  return () => {
    if (edition === fleet.edition) return;
    edition = fleet.edition;
    update();
  };
}

export function nics() {
  const all = [];
  for (const node of fleet.nodes.values()) for (const nic of node.nics) all.push(nic);
  return all;
}
