// All Nodes: what their agents and the operator say of them.

import { ago, h, plural, say } from "./dom.js";
import { fleet } from "./fleet.js";
import { anchor, list, sort_by, tag, text } from "./list.js";
import * as route from "./route.js";
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
  const filters = Object.fromEntries(["q", "problem", "agent", "sort"].map((name) => [name, start.get(name) ?? ""]));
  const search = h("input", { type: "search", name: "q", value: filters.q, placeholder: "name or agent's version" });
  const problem = h("input", { type: "checkbox", name: "problem", checked: filters.problem === "1" });
  const count = h("p", { class: "count", role: "status" });
  const sorted = () => ({ name: filters.sort.replace(/^-/, "") || "node", down: filters.sort.startsWith("-") });
  const table = list({
    label: "Nodes", kind: "nodes", columns: COLUMNS, sorted, none: "No Node is like this.",
    sort(name) {
      const now = sorted();
      change("sort", now.name === name && !now.down ? `-${name}` : name);
    },
  });
  search.addEventListener("input", () => change("q", search.value));
  problem.addEventListener("change", () => change("problem", problem.checked ? "1" : ""));
  main.append(
    h("h1", {}, "Nodes"),
    h("div", { class: "filters", role: "search" },
      h("label", { class: "grow" }, "Search", search),
      h("label", { class: "check" }, problem, "only those to look at"), count),
    table.element);

  function change(name, value) {
    filters[name] = value;
    route.rewrite("nodes", filters);
    update();
  }

  function update() {
    const all = [...fleet.nodes.values()];
    const terms = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = all.filter((node) => (!filters.problem || !is_fine(node))
      && (!filters.agent || node.agent === filters.agent) && terms.every((term) => node.text.includes(term)));
    const { name, down } = sorted();
    const column = COLUMNS.find((column) => column.name === name) ?? COLUMNS[0];
    table.show(sort_by(chosen, column.by, down));
    say(count, chosen.length === all.length ? plural(all.length, "Node") : `${chosen.length.toLocaleString("en")} of ${plural(all.length, "Node")}`);
  }

  let edition = null;
  return {
    title: "Nodes",
    update() {
      if (edition === fleet.edition) return;
      edition = fleet.edition;
      update();
    },
    tick: update,
    end: table.end,
  };
}
