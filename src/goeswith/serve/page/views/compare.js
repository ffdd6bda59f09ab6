// Two products: what one is to the other, in which direction, and what says so.
import * as api from "../api.js";
import { bar, brief, link } from "../cards.js";
import { combobox } from "../combobox.js";
import { h, modelName, s, said } from "../dom.js";
import { picture } from "../picture.js";
import { go } from "../routes.js";
import { count, nameOf, number, percent, short, times } from "../text.js";
import { BASIS, contexts, MIN_ORDERED, RELATIONS, sureness } from "../words.js";

export async function compare({ params, facts, signal }) {
  const ids = { source: params.get("source"), target: params.get("target") };
  const products = await Promise.all(
    ["source", "target"].map((side) => (ids[side] ? api.product(ids[side]).then((p) => ({ product_id: ids[side], ...p.attributes })) : null)),
  );
  const pickers = ["source", "target"].map((side, i) =>
    h(
      "div",
      { class: "field wide" },
      h("span", { class: "label" }, i ? "Second product" : "First product"),
      combobox({
        label: i ? "Second product" : "First product",
        value: products[i] ? nameOf(products[i], 100) : "",
        keep: side,
        onPick: (p) => go("compare", { ...ids, [side]: p.product_id }),
      }).element,
    ),
  );
  const swap = h("button", { type: "button", class: "quiet", "data-keep": "swap", on: { click: () => go("compare", { source: ids.target, target: ids.source }) } }, "Swap");
  const body = [h("h1", {}, "Compare two products"), h("div", { class: "two" }, pickers[0], swap, pickers[1])];
  if (!ids.source || !ids.target) {
    body.push(h("p", { class: "nothing" }, "Choose two products to see their relation in both directions, with the evidence."));
    return { title: "Compare", body };
  }
  const found = await api.compare(ids.source, ids.target, signal);
  const words = RELATIONS[found.relation] ?? found.relation;
  body.push(
    h(
      "section",
      { class: `relation ${found.relation}`, "aria-label": "Relation" },
      side(found.source),
      h("div", { class: "between" }, arrow(found.relation), h("p", {}, said(words))),
      side(found.target),
    ),
    found.relation === "substitute" && h("p", { class: "lead" }, said(found.why, 500)), // else the relation says it
    h(
      "div",
      { class: "sides" },
      direction("Second recommended with the first", found.forward, found.source, facts),
      direction("First recommended with the second", found.backward, found.target, facts),
    ),
  );
  return { title: `${nameOf(found.source, 30)} and ${nameOf(found.target, 30)}`, said: words, body };
}

const side = (product) =>
  h("div", { class: "one" }, picture(product.type, 72), h("p", {}, link(product, 120)), h("p", { class: "brief" }, brief(product)));

function arrow(relation) {
  const ahead = ["complement", "mutual"].includes(relation);
  const back = ["reverse", "mutual"].includes(relation);
  return s(
    "svg",
    { class: "arrow", viewBox: "0 0 120 24", "aria-hidden": "true" },
    s("path", { d: "M8 12h104", class: relation === "none" ? "gone" : relation === "substitute" ? "dashed" : "" }),
    ahead && s("path", { d: "m102 4 10 8-10 8" }),
    back && s("path", { d: "M18 4 8 12l10 8" }),
  );
}

/** How often the source came first, where enough contexts have an order. */
function orderOf(e) {
  if (e.source_first === null) return "order not recorded";
  const ordered = e.source_first + (e.target_first ?? 0);
  return ordered < MIN_ORDERED ? `order recorded in fewer than ${MIN_ORDERED}` : `${contexts(e.source_first, e.unit)} of ${count(ordered)} with an order`;
}

function direction(title, given, source, facts) {
  const e = given.evidence;
  const counts = [
    ["Rank", given.rank ? count(given.rank) : `not in the top ${facts.k}`],
    ["Model", given.model ? [modelName(given.model), given.fallback ? " (fallback)" : ""] : "none"],
    ["Score", given.score !== null && given.score !== undefined ? number(given.score) : "–"],
    ["Bought together", e.counted ? contexts(e.bought_together, e.unit) : e.bought_together ? "listed" : "not listed"],
    ["", orderOf(e)],
    ["Viewed as alternatives", e.counted ? times(e.viewed_together) : e.viewed_together ? "listed" : "not listed"],
    ["Confidence", e.confidence === null || e.strength === "weak" ? "–" : percent(e.confidence)],
    ["Evidence", e.strength ?? "–"],
    ["Lift", e.lift === null ? "–" : `${short(e.lift)}x`],
  ];
  counts[4][0] = `${nameOf(source, 24)} first`;
  return h(
    "section",
    { class: "box", "aria-label": title },
    h("h2", {}, title),
    BASIS[e.basis] !== BASIS.model && h("p", { class: "evidence" }, BASIS[e.basis]), // else `why` begins with it
    bar(sureness(given)),
    h("p", { class: "why" }, said(given.why, 400)),
    h("dl", { class: "attributes" }, counts.map(([name, text]) => [h("dt", {}, said(name)), h("dd", {}, typeof text === "string" ? said(text, 80) : text)])),
  );
}
