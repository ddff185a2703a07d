// All NICs: searched, filtered by state and reason, sorted.

import { ago } from "./dom.js";
import { nics } from "./fleet.js";
import { anchor, tag, text } from "./list.js";
import * as route from "./route.js";
import { searched, select } from "./search.js";
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
  const shown = words.all().filter((reason) => reason.shows.includes("NIC")).map((reason) => reason.word);
  return searched(main, start, {
    title: "NICs", noun: "NIC", kind: "nics", columns: COLUMNS, hint: "node, MAC or IP address, port, reason", all: nics,
    filters: {
      state: select("State", "state", ["Unreported", ...words.states_known()]),
      reason: select("Reason", "reason", shown.sort()),
    },
    keeps: (nic, { state, reason }) => (!state || nic.state === state) && (!reason || nic.reason === reason),
  });
}
