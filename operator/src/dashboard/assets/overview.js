// The fleet at a glance.

import { ago, card, h, plural, prose } from "./dom.js";
import { fleet, nics } from "./fleet.js";
import { list_of } from "./changes.js";
import { is_fine } from "./nodes.js";
import * as route from "./route.js";
import * as words from "./words.js";

export function view(main) {
  const body = h("div");
  main.append(h("h1", {}, "Fleet"), body);
  const update = () => body.replaceChildren(...shown());
  return { title: "Fleet", update, tick: update };
}

function shown() {
  const { head } = fleet;
  if (!head) return [h("p", {}, "Loading …")];
  const operator = h("section", { "aria-label": "Operator" }, h("h2", {}, "Operator and table"), h("div", { class: "cards" }, standing(head)));
  // Of Nodes only the operator that acts knows.
  if (!head.acts) return [operator];
  return [
    h("section", { "aria-label": "NICs and Nodes" }, h("div", { class: "cards" }, counts())),
    reasons(),
    operator,
    h("section", { "aria-label": "Recent changes" }, h("h2", {}, h("a", { href: "#/changes" }, "Recent changes")), list_of(fleet.changes.slice(-8))),
  ];
}

function counts() {
  const all = nics();
  const nodes = [...fleet.nodes.values()];
  const poor = nodes.filter((node) => !is_fine(node)).length;
  const cards = [
    card("Nodes", nodes.length.toLocaleString("en"), { href: "#/nodes", more: `${nodes.filter((node) => node.nics.length).length.toLocaleString("en")} with NICs` }),
    card("Nodes to look at", poor.toLocaleString("en"), { href: "#/nodes?problem=1", tone: poor ? "bad" : "good" }),
    card("NICs", all.length.toLocaleString("en"), { href: "#/nics" }),
  ];
  for (const [state, count] of tally(all.map((nic) => nic.state))) {
    const tones = new Set(all.filter((nic) => nic.state === state).map((nic) => nic.tone));
    const tone = ["bad", "warn", "", "good"].find((tone) => tones.has(tone));
    cards.push(card(state, count.toLocaleString("en"), { href: route.link("nics", { state }), tone }));
  }
  return cards;
}

function reasons() {
  const notable = tally(nics().filter((nic) => nic.tone !== "good").map(why));
  if (!notable.length) return h("p", { class: "quiet" }, fleet.nodes.size ? "No NIC has a reason to be looked at." : "There are no Nodes yet.");
  const lines = notable.map(([key, count]) => {
    const [filter, word] = key.split(" ");
    const { meaning, remedy = "" } = words.explain(word) ?? { meaning: "No reason is known for it; see its Node." };
    return h("li", {}, h("a", { href: route.link("nics", { [filter]: word }) }, `${count.toLocaleString("en")} × ${word}`), " ",
      prose(meaning), h("div", { class: "quiet" }, prose(remedy)));
  });
  return h("section", { "aria-label": "Why" }, h("h2", {}, "Why NICs are not just configured"), h("ul", {}, lines));
}

// By what the NICs view is filtered for all that are like this one: the doubt of its Node, its reason, or its state alone.
function why(nic) {
  if (nic.node.doubt) return `q ${nic.node.doubt}`;
  return nic.reason ? `reason ${nic.reason}` : `state ${nic.state}`;
}

function standing({ acts, leader, listed, watching, guarded, table, failedObjects }) {
  const cards = [card("This operator", acts ? "acts" : "stands by", { more: acts ? "" : `${leader ?? "another one"} acts`, tone: acts ? "" : "warn" })];
  if (!acts) return cards;
  const read = fleet.read ? `last read ${ago(fleet.read)} ago; so for ${ago(table.since)}` : "never read yet";
  cards.push(
    card("Kubernetes", watching ? "watched" : listed ? "not watched" : "not listed yet", { tone: watching ? "good" : "bad" }),
    card("Table", table.isRead ? "read" : "not read", { more: table.readError ? `${table.readError}; ${read}` : read, tone: table.isRead ? "good" : "bad" }),
    card("netplan_success", table.writeError ? "not written" : "written", {
      more: table.writeError ?? (table.unwritten ? `${plural(table.unwritten, "row")} to come` : "nothing left to write"), tone: table.writeError ? "bad" : "good" }),
    card("Rows", table.rows.toLocaleString("en"), { href: "#/rows", more: `${table.rejected} rejected, ${table.unmatched} of no Node here`, tone: table.rejected ? "bad" : "" }),
    card("Guard", guarded ? "raised" : "clear", { more: guarded ? "removals wait for a person; see Nodes with ShrinkGuard" : "", tone: guarded ? "bad" : "good", href: guarded ? "#/nodes?problem=1" : null }));
  if (failedObjects) cards.push(card("Objects not written", failedObjects, { tone: "bad" }));
  return cards.concat(agents());
}

// One version of agents is as it should be; more are an upgrade, or one that stopped half-way.
function agents() {
  const versions = tally([...fleet.nodes.values()].map((node) => node.agent).filter(Boolean));
  const more = versions.map(([version, count]) => `${version}: ${count.toLocaleString("en")}`).join("; ");
  return [card("Versions of agents", versions.length, { more, tone: versions.length > 1 ? "warn" : "" })];
}

function tally(all) {
  const counts = new Map();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
