// What recommendations earned: clicks, purchases, what is incremental, and the running experiment.
import * as api from "../api.js";
import { h, said } from "../dom.js";
import { to } from "../routes.js";
import { clean, count, many, percent, price } from "../text.js";

const SHOWN = 60; // rows of a table
const WORDS = {
  day: "day",
  rank: "rank in the list",
  model: "model",
  type_pair: "product types",
  fallback: "first or fallback model",
  market: "market",
  variant: "variant of the experiment",
  rule: "rule",
};
const day = (text) => clean(text, 40).slice(0, 10);
const share = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2 });
const between = (low, high, words = share.format.bind(share)) => `${words(low)} to ${words(high)}`;
const money = (amount, currency) => `${Math.abs(amount) < 1000 ? price(amount) : count(amount)}${currency ? ` ${clean(currency, 3)}` : ""}`;

function tiles(report) {
  const [row] = report.rows;
  const { attach, incremental: more, currency } = report;
  const paid = (amount) => money(amount, currency);
  const tile = ([name, figure, note]) => h("div", {}, h("dt", {}, name), h("dd", {}, figure, note && h("span", { class: "hint" }, note)));
  return h("dl", { class: "tiles" }, [
    ["Recommendations shown", count(row.impressions), report.counted === "seen" ? "seen by a shopper" : "sent to a shopper, seen or not"],
    ["Clicked", share.format(row.click_rate), between(row.click_rate_low, row.click_rate_high)],
    [`Bought after a ${report.touch}`, paid(row.revenue), `${many(row.units, "piece")} within ${many(report.window_hours, "hour")}`],
    attach.orders > 0 && ["Orders with a recommended product", percent(attach.rate), `of ${many(attach.orders, "order")} whose shoppers saw recommendations for a product in it, ${count(attach.attached)} also hold one of these (attach rate)`],
    more && ["Extra revenue", paid(more.incremental), `${between(more.incremental_low, more.incremental_high, paid)}; what shoppers spent beyond the ${count(more.holdout_shoppers)} who got no recommendations, for comparison`],
  ].filter(Boolean).map(tile));
}

function experimentOf(report, currency) {
  if (!report) return null;
  const change = ({ contrasts }) => {
    const found = contrasts[report.metric];
    if (!found) return "–";
    const words = report.metric === "revenue" ? price : (n) => share.format(n);
    return `${found.difference > 0 ? "+" : ""}${words(found.difference)}${found.low === null ? "" : ` (${between(found.low, found.high, words)})`}`;
  };
  const cell = (n, words) => h("td", {}, n === null ? "–" : words(n));
  return [
    h("h2", {}, "Experiment ", said(report.name, 80)),
    report.stopped && h("p", { class: "note" }, `Stopped on ${clean(report.stopped.at, 10)}. All shoppers now see ${clean(report.stopped.shows, 60)}.`),
    h("p", { class: "note" }, clean(report.verdict, 600)),
    table(["Variant", "Shoppers", "Clicked", "Buyers", `Revenue per shopper${currency ? `, ${clean(currency, 3)}` : ""}`, `Difference to ${clean(report.control, 60)}`], report.variants.map((one) => [
      h("th", { scope: "row" }, said(one.name, 60)), cell(one.shoppers, count), cell(one.values.click_rate, share.format.bind(share)),
      cell(one.values.conversion, share.format.bind(share)), cell(one.values.revenue, price), h("td", {}, change(one)),
    ])),
    report.drafts.map((one) => h("p", {}, `Clicks for ${clean(one.rankings[0], 60)}, against ${clean(one.rankings[1], 60)}: ${one.clicks ? `${share.format(one.preference)} (${share.format(one.low)} to ${share.format(one.high)})` : "none"} of ${count(one.clicks)}.`)),
    h("p", { class: "hint" }, "The range in brackets is where the true difference lies, with the certainty that the experiment sets. It holds on any day, so that you may look as often as you like."),
  ];
}

const table = (heads, rows) => h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": heads[0] }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows.map((cells) => h("tr", {}, cells)))));

function valueWords(by, value) {
  if (by === "fallback") return value === "true" ? "fallback model" : "first model";
  if (by === "type_pair") return value.replace(" -> ", " → ");
  return value || "not set";
}

export async function results({ params, signal }) {
  const by = params.get("by") in WORDS ? params.get("by") : "day";
  const body = [h("h1", {}, "What recommendations earned")];
  const answers = await Promise.all([api.results("all", signal), api.results(by, signal)]).catch((error) => {
    if (![403, 404].includes(error.status)) throw error;
    return error; // there are none, or none for this key; the service says why
  });
  if (answers instanceof Error) return { title: "Results", said: answers.message, body: [...body, h("p", { class: "nothing" }, `No results to show: ${clean(answers.message, 300)}.`)] };
  const [report, parts] = answers;
  const { currency } = report;
  if (!report.rows.length) return { title: "Results", body: [...body, h("p", { class: "nothing" }, "Nothing was shown yet.")] };
  const cells = (row) => [
    h("th", { scope: "row" }, said(valueWords(by, row.value), 120)), h("td", {}, count(row.impressions)),
    h("td", {}, share.format(row.click_rate), h("span", { class: "hint" }, ` ${between(row.click_rate_low, row.click_rate_high)}`)),
    h("td", {}, share.format(row.cart_rate)), h("td", {}, price(row.revenue)), h("td", {}, price(row.revenue_per_1000)),
  ];
  return {
    title: "Results",
    said: "What recommendations earned",
    body: [
      ...body,
      h("p", {}, `${day(report.first_at)} to ${day(report.last_at)}`),
      tiles(report),
      !report.incremental && h("p", { class: "note" }, "How much of this shoppers would have bought anyway is not known. To measure it, give a share of the shoppers no recommendations (a holdout group)."),
      ...(experimentOf(report.experiment, currency) ?? []),
      h("h2", {}, `By ${WORDS[by]}`),
      h("nav", { class: "jump", "aria-label": "Figures by" }, Object.entries(WORDS).map(([name, words]) => h("a", { class: "quiet", href: to("results", { by: name }), "aria-current": name === by && "page" }, words))),
      parts.rows.length ? table([WORDS[by][0].toUpperCase() + WORDS[by].slice(1), "Shown", "Clicked", "Put into a cart", `Revenue${currency ? `, ${clean(currency, 3)}` : ""}`, "Revenue per 1,000 shown"], parts.rows.slice(0, SHOWN).map(cells)) : h("p", { class: "nothing" }, "None."),
      parts.rows.length > SHOWN && h("p", { class: "hint" }, `${count(parts.rows.length - SHOWN + parts.more_rows)} more are not shown.`),
      h("p", { class: "hint under" }, `The range beside a rate is where the true rate lies with a certainty of 95 %: few clicks, wide range. Two rows whose ranges overlap may be equal. Revenue is of purchases within ${many(report.window_hours, "hour")} after the last ${report.touch} of the product by the same shopper; shoppers would have bought some of it anyway.`),
      report.notes.length > 0 && h("ul", { class: "hint" }, report.notes.map((note) => h("li", {}, clean(note, 300)))),
    ],
  };
}
