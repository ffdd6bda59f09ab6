// Requests to the service, at the address that the page came from.

const BASE = new URL(".", document.baseURI);
// of this shop: a service may have several below one origin
const PLACE = BASE.pathname === "/" ? "" : BASE.pathname;
export const stored = (name) => `goeswith.${name}${PLACE}`;
const KEY = stored("key");
const cache = new Map();
const MAX_CACHED = 300;
let build = null;
let onBuild = () => {};
/** Called with the id of another build, when one answers. */
export const watchBuild = (tell) => { onBuild = tell; };

/** An answer that says why there is no other (RFC 9457). */
export class Problem extends Error {
  constructor(status, content) {
    super(content.detail || content.title || `HTTP status ${status}.`);
    this.status = status;
    this.title = content.title || "Request failed";
    this.nearest = content.nearest ?? [];
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (text) => (text ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY)),
};

function address(path, params) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null && one !== "") url.searchParams.append(name, one);
    }
  }
  return url;
}

/** The JSON of an answer. Throws `Problem`, or the AbortError of a view that was left. */
export async function ask(path, { params, body, signal, method } = {}) {
  const headers = { Accept: "application/json" };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  const how = { headers, signal, method };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    Object.assign(how, { method: method ?? "POST", body: JSON.stringify(body) });
  }
  let response;
  try {
    response = await fetch(address(path, params), how);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "No connection", detail: "The service does not respond. Check that it is running." });
  }
  const content = await response.json().catch(() => ({}));
  if (!response.ok) {
    const detail = typeof content.detail === "string" ? content.detail : undefined;
    throw new Problem(response.status, { ...content, detail });
  }
  if (content.bundle && content.bundle !== build) {
    // another build answers from now on: responses of the old one are not mixed in
    const before = build;
    build = content.bundle;
    cache.clear();
    if (before) onBuild(build);
  }
  return content;
}

/** As `ask`, with a cache for the build in use; equal requests are sent once. */
function keep(path, params) {
  const at = address(path, params).href;
  if (!cache.has(at)) {
    if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value);
    const response = ask(path, { params });
    cache.set(at, response);
    // set again: the first response of a new build empties the cache
    response.then(() => cache.set(at, response), () => cache.delete(at));
  }
  return cache.get(at);
}

const of = (id) => `v1/products/${encodeURIComponent(id)}`;

/** Changes something; cached responses may be out of date then. */
async function change(path, options) {
  const answer = await ask(path, options);
  cache.clear();
  return answer;
}

export const facts = () => keep("v1/bundle");
export const bestSellers = (k) => keep("v1/best-sellers", { k });
export const health = () => keep("v1/health/recommendations");
export const results = (by, signal) => ask("v1/results", { params: { by }, signal });
export const rules = (signal) => ask("v1/rules", { signal });
export const ruleHistory = (signal) => ask("v1/rules/history", { signal });
export const putRules = (given) => change("v1/rules", { body: { rules: given } });
export const removeRule = (id) => change(`v1/rules/${encodeURIComponent(id)}`, { method: "DELETE" });
export const undoRules = () => change("v1/rules/undo", { method: "POST" });
export const previewRules = (given, ids, k) => ask("v1/rules/preview", { body: { rules: given, product_ids: ids, k } });
export const labels = (source, signal) => ask("v1/labels", { params: { source }, signal });
export const label = (source, target, name) => change("v1/labels", { body: { labels: [{ source, target, label: name }] } });
export const product = (id) => keep(of(id));
export const related = (id, what, params, signal) => ask(`${of(id)}/${what}`, { params, signal });
/** The question to the shopper; null without one, and where it fails: the list is shown without it. */
export const question = (id, params) =>
  keep(`${of(id)}/question`, params).then((answer) => answer.question ?? null, () => null);
export const search = (q, k, signal) => ask("v1/search", { params: { q: q.slice(0, 200), k }, signal });
export const basket = (ids, params, signal) =>
  ask("v1/basket", { params: { ...params, product: ids }, signal });
export const session = (ids, params, signal) =>
  ask("v1/session", { params: { ...params, product: ids }, signal });
export const compare = (source, target, signal) =>
  ask("v1/compare", { params: { source, target }, signal });
export const ofNew = (attributes, params, signal) =>
  ask("v1/complements", { params, body: { attributes }, signal });
export const report = () => keep("v1/report").then((answer) => answer.report ?? answer);
