// Elements, made without HTML text: what comes from elsewhere is never read as markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Changes a text only where it differs, so that screen readers are told nothing twice.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function badge(text, tone = "") {
  return h("span", { class: `badge ${tone}` }, text);
}

export function card(name, value, { more = "", tone = "", href = null } = {}) {
  const inside = [
    h("div", { class: "name" }, name),
    h("div", { class: "value" }, String(value)),
    h("div", { class: "more" }, more),
  ];
  return href ? h("a", { class: `card ${tone}`, href }, inside) : h("div", { class: `card ${tone}` }, inside);
}

// A table with a heading for each column; wide ones scroll by themselves.
export function table(caption, headings, rows) {
  const head = h("tr", {}, headings.map((heading) => h("th", { scope: "col" }, heading)));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { "aria-label": caption }, h("thead", {}, head), h("tbody", {}, rows)));
}

export function cell(...children) {
  return h("td", {}, ...children);
}

// Words between backquotes are code.
export function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));
}

export function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// A time, and how long ago that was.
export function time(second) {
  if (!second) return h("span", { class: "quiet" }, "unknown");
  const date = new Date(second * 1000);
  return h("time", { datetime: date.toISOString(), title: date.toISOString() }, `${stamp(second)}`);
}

export function stamp(second) {
  return new Date(second * 1000).toISOString().slice(0, 19).replace("T", " ") + "Z";
}

export function ago(second) {
  if (!second) return "";
  const seconds = Math.max(0, Math.round(Date.now() / 1000 - second));
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  }
  return `${seconds} s`;
}
