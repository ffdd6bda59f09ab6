// Which view stands at which address, and what all of them share: waiting, errors, focus, theme.
import * as api from "./api.js";
import { combobox } from "./combobox.js";
import { announce, h, said } from "./dom.js";
import { field } from "./filters.js";
import { go, parse, to } from "./routes.js";
import * as store from "./store.js";
import { count, many, nameOf } from "./text.js";
import { toast } from "./toast.js";
import { basket } from "./views/basket.js";
import { compare } from "./views/compare.js";
import { map } from "./views/map.js";
import { models } from "./views/models.js";
import { health } from "./views/health.js";
import { fresh } from "./views/new.js";
import { product } from "./views/product.js";
import { report } from "./views/report.js";
import { results } from "./views/results.js";
import { rules } from "./views/rules.js";
import { search } from "./views/search.js";

/** A view is given `{ params, facts, signal, again }` and returns `{ title, said, body }`. */
const VIEWS = { search, product, map, basket, models, compare, report, results, health, rules, new: fresh };
/** Statuses after which the same request may succeed; 0 is no connection. */
const AWAY = new Set([0, 502, 503, 504]);
const LONGEST_WAIT = 30;
const main = document.getElementById("main");
let leaving = new AbortController();
let shownAs = null;
const scrolled = new Map();
let visits = 0;
let failures = 0;

async function show() {
  const { name, params } = parse(location.hash);
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const kept = document.activeElement?.dataset?.keep;
  const first = shownAs === null;
  const turned = history.state?.visit;
  if (turned === undefined) history.replaceState({ visit: (visits += 1) }, "");
  mark(name, name === "search" && params.has("q"));
  if (name !== "search" && document.activeElement !== finder.input) finder.input.value = "";
  main.setAttribute("aria-busy", "true");
  const late = setTimeout(() => main.replaceChildren(...waiting()), 250);
  let made;
  try {
    const facts = await api.facts();
    foot(facts);
    const view = VIEWS[name] ?? missing;
    made = await view({ params, facts, signal, again: show });
    failures = 0;
  } catch (error) {
    if (signal.aborted) return;
    made = failed(error, signal);
  } finally {
    clearTimeout(late);
  }
  if (signal.aborted) return;
  main.replaceChildren(...made.body.flat().filter(Boolean));
  main.removeAttribute("aria-busy");
  document.title = made.title === "goeswith" ? "goeswith" : `${made.title} · goeswith`;
  const same = shownAs === `${name} ${params.get("id")}`;
  shownAs = `${name} ${params.get("id")}`;
  focusOn(kept, first, same);
  if (made.said) announce(made.said);
  if (turned !== undefined) scrollTo(0, scrolled.get(turned) ?? 0);
  else if (!same && !first) scrollTo(0, 0);
}

function focusOn(kept, first, same) {
  const again = kept && [...document.querySelectorAll("[data-keep]")].find((e) => e.dataset.keep === kept);
  again?.focus({ preventScroll: true });
  if (again && document.activeElement === again) return;
  // what had the focus is gone, or the view is another one
  if (kept || (!first && !same)) {
    const heading = main.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }
}

function mark(name, searches) {
  for (const place of document.querySelectorAll(".views a")) {
    const here = parse(new URL(place.href).hash).name === name && !searches;
    if (here) {
      place.setAttribute("aria-current", "page");
      // on a phone the views stand in a row that scrolls
      place.parentElement.scrollLeft = place.offsetLeft - place.parentElement.offsetLeft - 80;
    } else place.removeAttribute("aria-current");
  }
}

/** What stands there until an answer comes. */
const waiting = () => [
  h("p", { class: "waiting" }, "Loading…"),
  h("div", { class: "ghosts", "aria-hidden": "true" }, Array.from({ length: 6 }, () => h("div", { class: "ghost" }))),
];

function missing({ params }) {
  return { title: "Page not found", body: [h("h1", {}, "Page not found"), h("p", {}, h("a", { href: "#/" }, "Search for a product"))], params };
}

/** Shows the view again after a while, longer each time, until it is left. */
function retryLater(signal) {
  let left = Math.min(LONGEST_WAIT, 2 ** (failures += 1));
  const line = h("p", { class: "hint" });
  const tell = () => {
    if (signal.aborted) return;
    line.textContent = `Next attempt in ${left} s.`;
    left -= 1;
    if (left < 0) show();
    else setTimeout(tell, 1000);
  };
  tell();
  return line;
}

/** An error as a person can read it; the field of a key where the service asks for one. */
function failed(error, signal) {
  if (!(error instanceof api.Problem)) {
    console.error(error);
    return { title: "Error", said: "This page has failed", body: [h("h1", {}, "This page has failed"), h("p", { class: "problem" }, said(error.message))] };
  }
  if (error.status === 401) return keyForm(error);
  const near = error.nearest.length > 0 && [
    h("h2", {}, "Similar ids and titles"),
    h("ul", { class: "near" }, error.nearest.map((p) => h("li", {}, h("a", { href: to("product", { id: p.product_id }) }, said(nameOf(p)))))),
  ];
  return {
    title: error.title,
    said: error.message,
    body: [
      h("h1", {}, said(error.title)),
      h("p", { class: "problem" }, said(error.message, 1000)),
      near,
      AWAY.has(error.status) && retryLater(signal),
      h("p", { class: "does" }, h("button", { type: "button", on: { click: show } }, "Try again"), h("a", { href: "#/" }, "Overview")),
    ],
  };
}

function keyForm(error) {
  const input = h("input", { type: "password", autocomplete: "off", required: true, maxlength: 200 });
  const submit = (event) => {
    event.preventDefault();
    api.key.set(input.value.trim());
    show();
  };
  return {
    title: "API key required",
    said: "API key required",
    body: [
      h("h1", {}, "API key required"),
      h("p", {}, said(error.message, 400)),
      h(
        "form",
        { class: "narrow", on: { submit } },
        field("API key", input, "Stored in this tab until you close it; sent to this service only."),
        h("p", { class: "does" }, h("button", { type: "submit" }, "Continue")),
      ),
    ],
  };
}

function foot(facts) {
  const made = new Date(facts.created);
  const day = Number.isNaN(made.getTime()) ? "" : `, fitted ${new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(made)}`;
  document.getElementById("foot").replaceChildren(
    h("p", {}, said(facts.data, 80), ` · ${many(facts.products, "product")}${day} · build `, said(facts.bundle, 40)),
    h("p", {}, api.key.get() && [h("button", { type: "button", class: "plain", on: { click: () => { api.key.set(""); location.reload(); } } }, "Forget API key"), " · "], facts.may_edit ? "editing allowed" : "read-only", " · ", h("a", { href: "docs" }, "API reference")),
  );
}

function tellBasket() {
  const badge = document.getElementById("in-basket");
  const inside = store.inBasket().length;
  badge.hidden = !inside;
  badge.textContent = count(inside);
}

function theme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const names = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const draw = () => {
    const now = root.dataset.theme ?? "auto";
    button.textContent = { auto: "◐", light: "☀", dark: "☾" }[now];
    button.setAttribute("aria-label", names[now]);
    button.title = names[now];
  };
  button.addEventListener("click", () => {
    const next = { auto: "light", light: "dark", dark: "auto" }[root.dataset.theme ?? "auto"];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem("goeswith.theme", next);
    } catch {
      // no storage: chosen for this visit
    }
    draw();
    announce(names[next]);
  });
  draw();
}

const finder = combobox({
  label: "Search products",
  hint: "Product title or id",
  onPick: ({ product_id }, input) => {
    input.value = "";
    go("product", { id: product_id });
  },
  onEnter: (q) => go("search", { q }),
});
document.getElementById("finder").append(finder.element);
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  finder.input.focus();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
api.watchBuild(() => toast("A new build is in use", { label: "Show changes", run: () => { go("health"); return "Changes since the last build"; } }));
history.scrollRestoration = "manual";
addEventListener("scroll", () => scrolled.set(history.state?.visit, scrollY), { passive: true });
store.onBasket(tellBasket);
tellBasket();
theme();
addEventListener("hashchange", show);
show();
