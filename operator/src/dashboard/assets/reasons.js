// Every reason, with what it means and what to do.

import { badge, cell, h, plural, prose, say, table } from "./dom.js";
import { nics, once } from "./fleet.js";
import * as route from "./route.js";
import * as words from "./words.js";

export function view(main, start) {
  const filters = { word: start.get("word") ?? "" };
  const search = h("input", { type: "search", name: "word", value: filters.word, placeholder: "a reason, or a word of its meaning" });
  const count = h("p", { class: "count", role: "status" });
  const body = h("div");
  main.append(h("h1", {}, "Reasons"), h("div", { class: "filters", role: "search" }, h("label", { class: "grow" }, "Search", search), count), body);
  search.addEventListener("input", () => {
    filters.word = search.value;
    route.rewrite("reasons", filters);
    update();
  });

  function update() {
    const sought = filters.word.toLowerCase();
    const exact = words.explain(filters.word);
    const chosen = exact ? [exact] : words.all().filter((reason) => `${reason.word} ${reason.meaning} ${reason.remedy}`.toLowerCase().includes(sought));
    const now = new Map();
    for (const nic of nics()) now.set(nic.reason, (now.get(nic.reason) ?? 0) + 1);
    body.replaceChildren(table("Reasons", ["Reason", "Where", "What it means", "What to do", "NICs now"], chosen.map((reason) => row(reason, now.get(reason.word)))));
    say(count, plural(chosen.length, "reason"));
  }

  return { title: "Reasons", update: once(update) };
}

function row({ word, meaning, remedy, shows }, count) {
  return h("tr", {}, h("th", { scope: "row" }, badge(word)), cell(shows.join(", ")), cell(...prose(meaning)), cell(...prose(remedy)),
    cell(count ? h("a", { href: route.link("nics", { reason: word }) }, count.toLocaleString("en")) : ""));
}
