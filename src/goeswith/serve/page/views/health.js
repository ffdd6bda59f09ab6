// The health of the recommendations: what is weak, what is everywhere, and what the build changed.
import * as api from "../api.js";
import { link } from "../cards.js";
import { h, said } from "../dom.js";
import { to } from "../routes.js";
import { clean, count, many, nameOf, percent } from "../text.js";

const ISSUES = {
  no_recommendations: "no recommendations",
  few_recommendations: "few recommendations",
  fallback_only: "fallback models only",
  look_alikes: "look-alikes",
  weak_evidence: "no medium or strong evidence",
};
const REASONS = {
  new_product: "new product",
  removed_product: "removed from the catalogue",
  new_counts: "counts changed",
  available_again: "available again",
  sold_out_or_hidden: "sold out or hidden",
  now_a_look_alike: "now a look-alike",
  ranking: "ranking changed",
};
const plain = (code) => clean(code, 60).replaceAll("_", " ");
export const issueWords = (issue) => ISSUES[issue] ?? plain(issue);

const OF_TOP_FIVES = "of the first five recommendations";
const FIRST = 20; // products of a list that stand open

/** The main shares, a tile each. */
export function shareTiles({ coverage, top_five: five, unavailable }) {
  const tiles = [
    coverage && ["Products without recommendations", count(coverage.without), `of ${count(coverage.products)}`],
    coverage && ["Fallback models only", percent(coverage.fallback_only / Math.max(1, coverage.products)), many(coverage.fallback_only, "product")],
    five && ["Bought together", percent(five.bought_together), OF_TOP_FIVES],
    five?.weak !== null && five && ["Weak evidence", percent(five.weak), OF_TOP_FIVES],
    five && ["Look-alikes", percent(five.look_alikes), `${OF_TOP_FIVES}: nearly the same product`],
    Number.isFinite(unavailable) && ["Not available now", count(unavailable), "sold out, hidden or deleted"],
  ].filter(Boolean);
  return h("dl", { class: "tiles" }, tiles.map(([name, figure, note]) => h("div", {}, h("dt", {}, name), h("dd", {}, figure, note && h("span", { class: "hint" }, note)))));
}

export const notices = (report, most) => report.notices?.length > 0 && h("ul", { class: "note" }, report.notices.slice(0, most).map(({ text }) => h("li", {}, clean(text, 300))));

const lines = (list, more) => h("ul", { class: "lines" }, list.map((product) => h("li", {}, link(product, 100), h("span", { class: "brief" }, said(product.product_id, 60)), more(product))));
const products = (list, more) => [
  lines(list.slice(0, FIRST), more),
  list.length > FIRST && h("details", { class: "rest" }, h("summary", {}, `${many(list.length - FIRST, "more product")}`), lines(list.slice(FIRST), more)),
];
const marks = (texts) => h("span", { class: "marks" }, texts.map((text) => h("span", { class: "mark" }, text)));

export async function health({ params }) {
  const report = await api.health();
  const issue = params.get("issue");
  const weak = (report.weak_products ?? []).filter((product) => !issue || product.issues.includes(issue));
  return {
    title: "Health",
    said: "Health of the recommendations",
    body: [
      h("h1", {}, "Health of the recommendations"),
      shareTiles(report),
      notices(report, 20),
      h("h2", {}, "Products with issues"),
      h("nav", { class: "jump", "aria-label": "Issues" }, [[null, "all"], ...Object.keys(report.issues ?? {}).filter((name) => report.issues[name] > 0).map((name) => [name, `${issueWords(name)} (${count(report.issues[name])})`])].map(([name, words]) =>
        h("a", { class: "quiet", href: to("health", { issue: name }), "aria-current": (issue ?? null) === name && "page" }, words),
      )),
      weak.length ? products(weak, (p) => marks([`bought ${count(p.purchases)} times`, ...p.issues.map(issueWords)])) : h("p", { class: "nothing" }, "No products with issues."),
      changesOf(report.changes),
      report.hubs?.length > 0 && [
        h("h2", {}, "Most recommended products"),
        products(report.hubs, (p) => marks([`in ${percent(p.share)} of the lists`])),
      ],
      report.rules?.rules > 0 && [
        h("h2", {}, "Rules in use"),
        h("p", { class: "hint" }, `${count(report.rules.firing.length)} of ${many(report.rules.rules, "rule")} change recommendations in a sample of ${many(report.rules.tried, "product")}.`),
        h("ul", { class: "lines" }, report.rules.firing.slice(0, 50).map((one) => h("li", {}, h("a", { href: to("rules", { id: one.rule }) }, said(one.rule, 80)), marks([many(one.products, "product")])))),
      ],
      logOf(report.log),
    ],
  };
}

function changesOf(changes) {
  if (!changes) return null;
  const side = (list, words) => list.length > 0 && h("span", {}, `${words}: `, list.map((one, i) => [i > 0 && ", ", said(nameOf(one, 60)), ` (${REASONS[one.reason] ?? plain(one.reason)}${one.now !== null && one.before !== one.now ? `, ${count(one.before ?? 0)} → ${count(one.now)}` : ""})`]));
  return [
    h("h2", { id: "changes" }, "Changes since the last build"),
    h("p", {}, `${count(changes.changed)} of ${many(changes.compared, "product")} have other top five recommendations. Products added: ${count(changes.new_products)}; removed: ${count(changes.removed_products)}.`),
    h("ul", { class: "lines" }, (changes.products ?? []).slice(0, 50).map((product) => h("li", {}, link(product, 100), h("span", { class: "brief" }, said(product.product_id, 60)), h("p", { class: "hint" }, side(product.entered, "added"), product.entered.length > 0 && product.left.length > 0 && "; ", side(product.left, "removed"))))),
  ];
}

function logOf(log) {
  if (!log) return null;
  return [
    h("h2", {}, "Event log"),
    h("p", {}, `Events from ${clean(log.first, 20)} to ${clean(log.last, 20)}; ${log.missing ? `${many(log.missing, "day")} without an event` : "no day without an event"}.`),
    log.missing_days?.length > 0 && h("p", { class: "hint" }, "Without an event: ", said(log.missing_days.slice(0, 30).join(", "), 500)),
  ];
}
