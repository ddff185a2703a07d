// All NICs: searched, filtered by state and reason, sorted.

import { ago, h, plural, say } from "./dom.js";
import { fleet, nics } from "./fleet.js";
import { anchor, list, sort_by, tag, text } from "./list.js";
import * as route from "./route.js";
import * as words from "./words.js";

const padded = (nic) => `${nic.node.name}\u0000${nic.name.replace(/\d+$/, (slot) => slot.padStart(3, "0"))}`;

const COLUMNS = [
  { name: "node", title: "Node", by: padded, cell: anchor((nic) => route.node(nic.node.name), (nic) => nic.node.name) },
  { name: "name", title: "NIC", by: (nic) => nic.name, cell: text((nic) => nic.name) },
  { name: "state", title: "State", by: (nic) => nic.state, cell: tag((nic) => nic.state, (nic) => nic.tone) },
  { name: "reason", title: "Reason", by: (nic) => nic.reason,
    cell: tag((nic) => (nic.reason === nic.state ? "" : nic.reason), () => "", (nic) => route.link("reasons", { word: nic.reason })) },
  { name: "addresses", title: "Addresses", wide: true, by: (nic) => nic.addresses, cell: text((nic) => nic.addresses, "mono") },
  { name: "mac", title: "MAC address", wide: true, by: (nic) => nic.mac, cell: text((nic) => nic.mac, "mono") },
  { name: "since", title: "For", wide: true, by: (nic) => -(nic.since ?? 0), cell: text((nic) => ago(nic.since)) },
];

export function view(main, start) {
  const filters = Object.fromEntries(["q", "state", "reason", "sort"].map((name) => [name, start.get(name) ?? ""]));
  const search = h("input", { type: "search", name: "q", value: filters.q, placeholder: "node, MAC or IP address, port, reason" });
  const states = select("state", ["Unreported", ...words.states_known()], filters.state);
  const shown = words.all().filter((reason) => reason.shows.includes("NIC")).map((reason) => reason.word);
  const reasons = select("reason", shown.sort(), filters.reason);
  const count = h("p", { class: "count", role: "status" });
  const sorted = () => ({ name: filters.sort.replace(/^-/, "") || "node", down: filters.sort.startsWith("-") });
  const table = list({
    label: "NICs", kind: "nics", columns: COLUMNS, sorted, none: "No NIC is like this.",
    sort(name) {
      const now = sorted();
      change("sort", now.name === name && !now.down ? `-${name}` : name);
    },
  });
  search.addEventListener("input", () => change("q", search.value));
  states.addEventListener("change", () => change("state", states.value));
  reasons.addEventListener("change", () => change("reason", reasons.value));
  main.append(
    h("h1", {}, "NICs"),
    h("div", { class: "filters", role: "search" },
      h("label", { class: "grow" }, "Search", search), h("label", {}, "State", states),
      h("label", {}, "Reason", reasons), count),
    table.element);

  function change(name, value) {
    filters[name] = value;
    route.rewrite("nics", filters);
    update();
  }

  function update() {
    const all = nics();
    const terms = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = all.filter((nic) => (!filters.state || nic.state === filters.state)
      && (!filters.reason || nic.reason === filters.reason) && terms.every((term) => nic.text.includes(term)));
    const { name, down } = sorted();
    const column = COLUMNS.find((column) => column.name === name) ?? COLUMNS[0];
    table.show(sort_by(chosen, column.by, down));
    say(count, chosen.length === all.length ? plural(all.length, "NIC") : `${chosen.length.toLocaleString("en")} of ${plural(all.length, "NIC")}`);
  }

  let edition = null;
  return {
    title: "NICs",
    // Sorting so many is done only where one differs; how long ago is said anew now and then.
    update() {
      if (edition === fleet.edition) return;
      edition = fleet.edition;
      update();
    },
    tick: update,
    end: table.end,
  };
}

export function select(name, options, chosen) {
  const all = [h("option", { value: "" }, "all"), ...options.map((word) => h("option", { value: word, selected: word === chosen }, word))];
  return h("select", { name }, all);
}
