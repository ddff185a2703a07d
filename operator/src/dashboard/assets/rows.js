// The rows of the table that lead to no NIC.

import { ask } from "./ask.js";
import { badge, cell, h, plural, prose, table } from "./dom.js";
import { fleet, instance } from "./fleet.js";
import * as route from "./route.js";
import * as words from "./words.js";

export function view(main) {
  const body = h("div");
  main.append(h("h1", {}, "Rows without a NIC"), body);
  let asked = null;
  let failed = false;

  async function load() {
    const mine = asked;
    const answer = await ask("/api/rows").catch(() => null);
    const rows = answer?.ok ? await answer.json().catch(() => null) : null;
    // A later answer may have come first.
    if (mine !== asked) return;
    failed = !rows;
    body.replaceChildren(...(rows ? shown(rows) : [h("p", { role: "alert" }, "The operator does not answer.")]));
  }

  return {
    title: "Rows",
    update() {
      // Another operator counts its editions anew.
      const edition = `${instance(fleet.id)} ${fleet.head.rowsEdition}`;
      if (asked === edition) return;
      asked = edition;
      load();
    },
    tick() {
      if (failed) load();
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
