// The rows of the table that lead to no NIC.

import { badge, cell, h, plural, prose, table } from "./dom.js";
import { fleet } from "./fleet.js";
import * as route from "./route.js";
import * as words from "./words.js";

export function view(main) {
  const body = h("div");
  main.append(h("h1", {}, "Rows without a NIC"), body);
  let edition = null;

  async function load() {
    const answer = await fetch("/api/rows").catch(() => null);
    const rows = answer?.ok ? await answer.json() : null;
    body.replaceChildren(...(rows ? shown(rows) : [h("p", { role: "alert" }, "The operator does not answer.")]));
  }

  return {
    title: "Rows",
    update() {
      if (!fleet.head || edition === fleet.head.rowsEdition) return;
      edition = fleet.head.rowsEdition;
      load();
    },
  };
}

function shown({ rejected, rejected_total, unmatched }) {
  const servers = Object.entries(unmatched);
  return [
    h("h2", {}, `Rejected: ${plural(rejected_total, "row")}`),
    h("p", { class: "quiet" }, rejected.length < rejected_total ? `The first ${rejected.length} are listed.` : "A row that cannot be used. All others are."),
    rejected.length ? table("Rejected rows", ["Reason", "Node", "Port", "MAC address", "What is wrong", "What to do"], rejected.map(row)) : h("p", {}, "None."),
    h("h2", {}, `Of servers that are no Nodes here: ${plural(servers.length, "server")}`),
    h("p", { class: "quiet" }, "Another cluster may share the table. Otherwise correct attached_node_name, or annotate the Node."),
    servers.length ? table("Servers that are no Nodes", ["Server", "Rows"], servers.map(([server, count]) =>
      h("tr", {}, h("th", { scope: "row" }, server), cell(String(count))))) : h("p", {}, "None."),
  ];
}

function row({ reason, node, candidates, port, mac, message }) {
  const word = words.reason(reason);
  return h("tr", {},
    h("th", { scope: "row" }, h("a", { href: route.link("reasons", { word }) }, badge(word, "bad"))),
    cell(node ? h("a", { href: route.node(node) }, node) : candidates.join(" or ")),
    cell(h("span", { class: "mono" }, port ?? "unreadable")), cell(h("span", { class: "mono" }, mac ?? "unreadable")),
    cell(message), cell(...prose(words.explain(word)?.remedy ?? "")));
}
