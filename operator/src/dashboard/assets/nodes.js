// All Nodes: what their agents and the operator say of them.

import { ago } from "./dom.js";
import { fleet } from "./fleet.js";
import { anchor, tag, text } from "./list.js";
import * as route from "./route.js";
import { check, searched } from "./search.js";
import * as words from "./words.js";

export function standing(node) {
  // Where no NIC is wanted, there may be no agent on purpose.
  if (node.doubt === "NeverReported" && !node.nics.length) return [node.doubt, ""];
  if (node.doubt) return [node.doubt, node.doubt === "NodeNotReady" ? "bad" : "warn"];
  if (!node.ready) return [node.agent ? "Not ready" : "NoObject", "warn"];
  if (node.ready.holds) return ["Ready", "good"];
  const { reason } = node.ready;
  return [reason || "Not ready", words.explain(reason)?.fine ? "" : "bad"];
}

export const is_fine = (node) => ["good", ""].includes(standing(node)[1]) && (node.synced?.holds ?? true) && !node.leaked;

const COLUMNS = [
  { name: "node", title: "Node", by: (node) => node.name, cell: anchor((node) => route.node(node.name), (node) => node.name) },
  { name: "ready", title: "Ready", by: (node) => standing(node)[0], cell: tag((node) => standing(node)[0], (node) => standing(node)[1]) },
  { name: "synced", title: "Like the table", by: (node) => node.synced?.reason ?? "",
    cell: tag((node) => node.synced?.reason ?? "", (node) => (node.synced?.holds ? "good" : "warn")) },
  { name: "nics", title: "NICs", by: (node) => node.wanted - node.configured, cell: text((node) => `${node.configured}/${node.wanted}`) },
  { name: "mode", title: "Mode", wide: true, by: (node) => node.mode, cell: text((node) => node.mode) },
  { name: "agent", title: "Agent", wide: true, by: (node) => node.agent, cell: text((node) => node.agent) },
  { name: "since", title: "For", wide: true, by: (node) => -(node.ready?.since ?? 0), cell: text((node) => ago(node.ready?.since)) },
];

export function view(main, start) {
  return searched(main, start, {
    title: "Nodes", noun: "Node", kind: "nodes", columns: COLUMNS, hint: "name or agent's version", all: () => [...fleet.nodes.values()],
    filters: { problem: check("only those to look at", "problem") },
    held: ["agent"],
    keeps: (node, { problem, agent }) => (!problem || !is_fine(node)) && (!agent || node.agent === agent),
  });
}
