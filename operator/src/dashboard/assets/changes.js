// What changed lately, the newest first.

import { badge, h, plural, say, time } from "./dom.js";
import { fleet } from "./fleet.js";
import * as route from "./route.js";
import * as words from "./words.js";

export function view(main, start) {
  const filters = { q: start.get("q") ?? "" };
  const search = h("input", { type: "search", name: "q", value: filters.q, placeholder: "node, NIC, reason" });
  const count = h("p", { class: "count", role: "status" });
  const body = h("div");
  main.append(
    h("h1", {}, "Recent changes"),
    h("p", { class: "quiet" }, "Since this operator began to act, the last 500. Older ones are in its log and in those of the agents."),
    h("div", { class: "filters", role: "search" }, h("label", { class: "grow" }, "Search", search), count),
    body);
  search.addEventListener("input", () => {
    filters.q = search.value;
    route.rewrite("changes", filters);
    update();
  });
  let last = null;
  function update() {
    const terms = filters.q.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = fleet.changes.filter((change) => terms.every((term) => plain(change).includes(term)));
    body.replaceChildren(list_of(chosen));
    say(count, plural(chosen.length, "change"));
  }
  return {
    title: "Changes",
    update() {
      if (last === fleet.changes) return;
      last = fleet.changes;
      update();
    },
  };
}

const pair = (numbers) => {
  const [state, reason] = [words.state(numbers[0]), words.reason(numbers[1])];
  return { state, reason, text: reason && reason !== state ? `${state}, ${reason}` : state };
};

function plain({ node = "", mac = "", nic = "", text = "", before, after }) {
  return `${node} ${mac} ${nic} ${text} ${before ? pair(before).text : ""} ${after ? pair(after).text : ""}`.toLowerCase();
}

export function list_of(changes) {
  if (!changes.length) return h("p", { class: "quiet" }, "Nothing has changed.");
  return h("ol", { class: "changes" }, changes.toReversed().map(line));
}

function line({ at, node, nic, mac, text, before, after, bad }) {
  const what = [];
  if (node) what.push(h("a", { href: route.node(node) }, node), " ");
  if (nic || mac) what.push(h("span", { class: "mono" }, nic ?? mac), " ");
  if (after) {
    const { state, reason, text: now } = pair(after);
    if (before) what.push(h("span", { class: "quiet" }, `${pair(before).text} → `));
    what.push(badge(now, words.tone(state, reason)));
  } else {
    what.push(bad ? badge("look", "bad") : "", bad ? " " : "", text);
  }
  return h("li", {}, time(at), h("span", {}, what));
}
