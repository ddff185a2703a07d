// A long table of which only what can be seen is there.

import { h, say } from "./dom.js";

const BEYOND = 6;

// `columns`: name, title, cell (makes an element and what fills it), by (what it is sorted by), wide.
export function list({ label, kind, columns, sort, sorted, none }) {
  const viewport = h("div", { class: "viewport", role: "rowgroup", tabindex: "0", "aria-label": `${label}, scrolls` });
  const spacer = h("div", { "aria-hidden": "true" });
  const empty = h("p", { class: "none", hidden: true }, none);
  viewport.append(spacer, empty);
  const headings = columns.map((column) => {
    const press = () => sort(column.name);
    return h("div", { role: "columnheader", class: column.wide ? "narrow-off" : "" },
      column.by ? h("button", { type: "button", onclick: press }, column.title) : column.title);
  });
  const head = h("div", { class: "row head", role: "row" }, headings);
  const element = h("div", { class: `list ${kind}`, role: "table", "aria-label": label }, h("div", { role: "rowgroup" }, head), viewport);

  let items = [];
  const rows = [];

  function make() {
    const cells = columns.map((column) => column.cell());
    const row = h("div", { class: "row", role: "row" }, cells.map((made, at) => {
      made.element.classList.add("cell", columns[at].name);
      if (columns[at].wide) made.element.classList.add("narrow-off");
      made.element.setAttribute("role", "cell");
      return made.element;
    }));
    return { row, cells, item: null };
  }

  function draw(anew) {
    const height = parseFloat(getComputedStyle(viewport).getPropertyValue("--row")) || 40;
    spacer.style.height = `${items.length * height}px`;
    empty.hidden = items.length > 0;
    const first = Math.max(0, Math.floor(viewport.scrollTop / height) - BEYOND);
    const count = Math.min(items.length - first, Math.ceil(viewport.clientHeight / height) + 2 * BEYOND);
    while (rows.length < count) {
      const made = make();
      rows.push(made);
      viewport.append(made.row);
    }
    rows.forEach((made, at) => {
      made.row.hidden = at >= count;
      if (at >= count) {
        made.row.style.display = "none";
        return;
      }
      made.row.style.display = "";
      const item = items[first + at];
      made.row.style.transform = `translateY(${(first + at) * height}px)`;
      made.row.setAttribute("aria-rowindex", String(first + at + 2));
      if (anew || made.item !== item) {
        made.item = item;
        made.cells.forEach((cell) => cell.fill(item));
      }
    });
  }

  let drawing = false;
  const soon = () => {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      draw(false);
    });
  };
  viewport.addEventListener("scroll", soon, { passive: true });
  const sizes = new ResizeObserver(soon);
  sizes.observe(viewport);

  return {
    element,
    show(next) {
      items = next;
      element.setAttribute("aria-rowcount", String(items.length + 1));
      columns.forEach((column, at) => {
        const { name, down } = sorted();
        const order = column.name !== name ? null : down ? "descending" : "ascending";
        if (order) headings[at].setAttribute("aria-sort", order);
        else headings[at].removeAttribute("aria-sort");
      });
      draw(true);
    },
    end: () => sizes.disconnect(),
  };
}

export const text = (of, style = "") => () => {
  const element = h("div", { class: style });
  return { element, fill: (item) => { say(element, of(item)); element.title = of(item); } };
};

export const anchor = (href, of) => () => {
  const inside = h("a");
  return {
    element: h("div", {}, inside),
    fill: (item) => { inside.href = href(item); say(inside, of(item)); },
  };
};

export const tag = (of, tone, href = null) => () => {
  const inside = h(href ? "a" : "span");
  return {
    element: h("div", {}, inside),
    fill: (item) => {
      say(inside, of(item));
      inside.className = of(item) ? `badge ${tone(item)}` : "";
      if (href) inside.href = href(item);
    },
  };
};

// Sorts by what each item has, once for each.
export function sort_by(items, of, down) {
  const keyed = items.map((item) => [of(item), item]);
  keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (down) keyed.reverse();
  return keyed.map(([, item]) => item);
}
