// Every view has an address behind the #, so that back, reload and a link sent to a colleague work.

/** `#/product?id=a&tab=reverse` as `{ name, params }`. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { name: path || "search", params: new URLSearchParams(query) };
}

/** The parameters of an address, each with all its values. */
export const lists = (params) => Object.fromEntries([...params.keys()].map((name) => [name, params.getAll(name)]));

/** The address of a view; a list gives a parameter several times, null leaves it out. */
export function to(name, params = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null && one !== "") query.append(key, one);
    }
  }
  const text = query.toString();
  return `#/${name === "search" && !text ? "" : name}${text ? `?${text}` : ""}`;
}

export const go = (name, params) => {
  location.hash = to(name, params);
};
