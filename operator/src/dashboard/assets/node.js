// One Node: what each NIC should be beside what the kernel shows, read anew from the API server.

import { ask } from "./ask.js";
import { badge, cell, h, prose, table, time } from "./dom.js";
import { fleet } from "./fleet.js";
import * as route from "./route.js";
import * as words from "./words.js";

export function view(main, _filters, name) {
  const body = h("div");
  main.append(h("p", {}, h("a", { href: "#/nodes" }, "← All Nodes")), h("h1", {}, `Node ${name}`), body);
  let loaded = false;
  let seen = null;
  let asked = 0;
  let drawn = null;

  async function load() {
    const mine = ++asked;
    const answer = await ask(`/api/nodes/${encodeURIComponent(name)}`).catch(() => null);
    const text = (await answer?.text().catch(() => null)) ?? "";
    // A later answer may have come first.
    if (mine !== asked) return;
    // What is as it was stays where it is, with what a person has chosen in it.
    const now = `${answer?.status} ${seen?.doubt} ${text}`;
    if (now === drawn) return;
    drawn = now;
    const found = parsed(text);
    body.replaceChildren(...(answer?.ok && found ? shown(found, seen) : [missing(found?.error), ...doubt(seen)]));
  }

  return {
    title: `Node ${name}`,
    update() {
      const row = fleet.nodes.get(name);
      if (loaded && seen === row) return;
      loaded = true;
      seen = row;
      load();
    },
    // A message, or what is observed, may differ where the row does not; and an API server that was away may be back.
    tick() {
      if (!document.hidden) load();
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function missing(why) {
  return h("p", { role: "alert" }, `This Node cannot be shown in full: ${why ?? "the operator does not answer"}.`);
}

function shown(config, row) {
  const status = config.status ?? {};
  const spec = config.spec ?? {};
  const told = new Map((status.interfaces ?? []).map((nic) => [nic.macAddress, nic]));
  const wanted = spec.interfaces ?? [];
  const besides = [...told.values()].filter((nic) => !wanted.some((entry) => entry.macAddress === nic.macAddress));
  const rows = [...wanted.map((entry) => nic(entry, told.get(entry.macAddress), row)), ...besides.map((entry) => nic(null, entry, row))];
  const mode = spec.mode ?? "Enforce";
  return [
    facts([
      ["Mode", mode],
      ["NICs", status.summary || "none"],
      ["Generation", `${config.generation ?? "?"}; the agent speaks of ${status.observedGeneration ?? "none"}`],
      ["Agent", status.agentVersion || "has not said anything yet"],
      ["Host", [status.osImage, status.backend].filter(Boolean).join(", ") || "unknown"],
    ]),
    ...doubt(row),
    ...dry_run(mode, status),
    h("h2", {}, "NICs: wanted and observed"),
    rows.length ? table("NICs of this Node", ["NIC", "State", "Wanted", "Observed", "Why"], rows) : h("p", {}, "There are none."),
    h("h2", {}, "Conditions"),
    table("Conditions", ["Condition", "Status", "Reason", "Since", "Message"], (status.conditions ?? []).map(condition)),
  ];
}

// Why what the agent says of this Node's NICs is not to be relied on.
function doubt(row) {
  const word = row?.doubt;
  if (!word) return [];
  return [h("p", { role: "status", class: "doubt" }, why(word), ": ", prose(words.explain(word)?.meaning ?? ""), what_to_do(word))];
}

function dry_run(mode, status) {
  if (mode !== "DryRun") return [];
  const planned = (status.interfaces ?? []).filter((nic) => nic.reason === "DryRun");
  return [
    h("h2", {}, "What would be done"),
    planned.length
      ? h("ul", { class: "planned" }, planned.map((nic) => h("li", {}, h("b", {}, nic.name), ` ${nic.message}`)))
      : h("p", {}, "Nothing: every NIC is as wanted."),
  ];
}

function nic(wanted, told, row) {
  const state = told?.state ?? "Unreported";
  const reason = told?.reason ?? "";
  const observed = told?.observed;
  const differs = Boolean(wanted && observed) && (observed.linkName !== wanted.name || (wanted.mtu && observed.mtu !== wanted.mtu)
    || (wanted.addresses ?? []).some((address) => !(observed.addresses ?? []).includes(address)));
  return h("tr", {},
    h("th", { scope: "row" }, wanted?.name ?? told.name, h("div", { class: "mono quiet" }, wanted?.macAddress ?? told.macAddress)),
    cell(badge(state, words.tone(state, reason, row?.doubt)), told?.lastTransitionTime ? h("div", { class: "quiet" }, time(Date.parse(told.lastTransitionTime) / 1000)) : null),
    cell(wanted ? facts(asked(wanted)) : "no longer"),
    h("td", { class: differs ? "differs" : "" }, observed ? facts([
      ["Link", observed.linkName], ["State", observed.operState], ["MTU", observed.mtu],
      ["Addresses", (observed.addresses ?? []).join(", ") || "none"],
    ]) : "no such link"),
    cell(why(reason), h("div", {}, told?.message ?? ""), what_to_do(reason)));
}

function asked(entry) {
  const shown = [
    ["Name", entry.name], ["MTU", entry.mtu ?? "the device's own"],
    ["Addresses", (entry.addresses ?? []).join(", ") || entry.addressing || "none"],
  ];
  for (const [title, value] of [["Port", entry.portId], ["Subnet", entry.subnetId], ["Verify", entry.verify]]) {
    if (value) shown.push([title, value]);
  }
  for (const way of entry.routes ?? []) shown.push(["Route", `${way.destination}${way.via ? ` via ${way.via}` : ""}`]);
  if (entry.sourceRouting) shown.push(["Replies", `by this NIC, via ${(entry.sourceRouting.gateways ?? ["what DHCP says"]).join(", ")}`]);
  return shown;
}

function why(reason) {
  return reason ? h("a", { href: route.link("reasons", { word: reason }) }, reason) : "";
}

// Where nothing is wrong, nothing is to be done.
function what_to_do(reason) {
  const { remedy = "" } = words.explain(reason) ?? {};
  return remedy && reason !== "Configured" ? h("div", { class: "quiet" }, "What to do: ", prose(remedy)) : null;
}

function condition(told) {
  const well = ["Degraded", "NodeAddressLeaked"].includes(told.type) ? "False" : "True";
  const tone = told.type === "Progressing" ? "" : told.status === well ? "good" : "bad";
  return h("tr", {}, h("th", { scope: "row" }, told.type), cell(badge(told.status, tone)), cell(why(told.reason)),
    cell(time(Date.parse(told.lastTransitionTime) / 1000)), cell(told.message ?? "", tone === "bad" ? what_to_do(told.reason) : null));
}

function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]));
}
