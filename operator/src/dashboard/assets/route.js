// Every view has an address, behind the #: a path and what it is filtered by.

export function read() {
  const [path, query = ""] = location.hash.slice(1).split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { name: parts[0] ?? "overview", of: parts[1], filters: new URLSearchParams(query) };
}

// What somebody typed may be no code for anything.
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(name, filters = {}) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
  const text = query.toString();
  return `#/${name}${text ? `?${text}` : ""}`;
}

export const node = (name) => `#/node/${encodeURIComponent(name)}`;

// Another address for the same view, which is no step back.
export function rewrite(name, filters) {
  history.replaceState(null, "", link(name, filters));
}
