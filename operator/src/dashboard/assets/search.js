// A list that is searched, filtered and sorted, with an address for what was chosen.

import { h, plural, say } from "./dom.js";
import { once } from "./fleet.js";
import { list, sort_by } from "./list.js";
import * as route from "./route.js";

// `filters`: by name, what makes a field that a person chooses by; `held`: the names of what only an address chooses by.
// `keeps` says whether an item of `all` is chosen, by all of these but the search.
export function searched(main, start, { title, noun, kind, columns, hint, filters, held = [], all, keeps }) {
  const controls = Object.entries(filters);
  const names = ["q", ...controls.map(([name]) => name), ...held, "sort"];
  const chosen = Object.fromEntries(names.map((name) => [name, start.get(name) ?? ""]));
  const search = h("input", { type: "search", name: "q", value: chosen.q, placeholder: hint });
  const count = h("p", { class: "count", role: "status" });
  const sorted = () => ({ name: chosen.sort.replace(/^-/, "") || "node", down: chosen.sort.startsWith("-") });
  const table = list({
    label: title, kind, columns, sorted, none: `No ${noun} is like this.`,
    sort(name) {
      const now = sorted();
      change("sort", now.name === name && !now.down ? `-${name}` : name);
    },
  });
  search.addEventListener("input", () => change("q", search.value));
  const labels = controls.map(([name, make]) => {
    const { element, label, value } = make(chosen[name]);
    element.addEventListener("change", () => change(name, value()));
    return label;
  });
  main.append(h("h1", {}, title),
    h("div", { class: "filters", role: "search" }, h("label", { class: "grow" }, "Search", search), labels, count), table.element);

  function change(name, value) {
    chosen[name] = value;
    route.rewrite(kind, chosen);
    update();
  }

  function update() {
    const items = all();
    const terms = chosen.q.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = items.filter((item) => keeps(item, chosen) && terms.every((term) => item.text.includes(term)));
    const { name, down } = sorted();
    const column = columns.find((column) => column.name === name) ?? columns[0];
    table.show(sort_by(kept, column.by, down));
    say(count, kept.length === items.length ? plural(items.length, noun) : `${kept.length.toLocaleString("en")} of ${plural(items.length, noun)}`);
  }

  // Sorting so many is done only where one differs; how long ago is said anew now and then.
  return { title, update: once(update), tick: update, end: table.end };
}

export function select(title, name, options) {
  return (chosen) => {
    const made = options.map((word) => h("option", { value: word, selected: word === chosen }, word));
    const element = h("select", { name }, [h("option", { value: "" }, "all"), ...made]);
    return { element, label: h("label", {}, title, element), value: () => element.value };
  };
}

export function check(title, name) {
  return (chosen) => {
    const element = h("input", { type: "checkbox", name, checked: chosen === "1" });
    return { element, label: h("label", { class: "check" }, element, title), value: () => (element.checked ? "1" : "") };
  };
}
