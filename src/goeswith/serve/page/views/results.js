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
    ["Click rate", share.format(row.click_rate), `${between(row.click_rate_low, row.click_rate_high)} (95 % interval)`],
    [`Revenue after a ${report.touch}`, paid(row.revenue), `${many(row.units, "unit")} bought within ${many(report.window_hours, "hour")}`],
    attach.orders > 0 && ["Attach rate", percent(attach.rate), `${count(attach.attached)} of ${many(attach.orders, "order")} with a product whose recommendations were shown also contain one of them`],
    more && ["Incremental revenue", paid(more.incremental), `${between(more.incremental_low, more.incremental_high, paid)} (95 % interval), compared with ${many(more.holdout_shoppers, "shopper")} without recommendations (holdout group)`],
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
    table(["Variant", "Shoppers", "Click rate", "Conversion", `Revenue per shopper${currency ? `, ${clean(currency, 3)}` : ""}`, `Difference from ${clean(report.control, 60)}`], report.variants.map((one) => [
      h("th", { scope: "row" }, said(one.name, 60)), cell(one.shoppers, count), cell(one.values.click_rate, share.format.bind(share)),
      cell(one.values.conversion, share.format.bind(share)), cell(one.values.revenue, price), h("td", {}, change(one)),
    ])),
    report.drafts.map((one) => h("p", {}, one.clicks ? `Interleaving: ${share.format(one.preference)} of ${many(one.clicks, "click")} were on products of ${clean(one.rankings[0], 60)} (${share.format(one.low)} to ${share.format(one.high)}), the others on those of ${clean(one.rankings[1], 60)}.` : `Interleaving of ${clean(one.rankings[0], 60)} and ${clean(one.rankings[1], 60)}: no clicks yet.`)),
    h("p", { class: "hint" }, "In brackets: confidence interval of the difference, at the level of the experiment. It is valid on every day, so you may check it as often as you like."),
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
  const body = [h("h1", {}, "Results of the recommendations")];
  const answers = await Promise.all([api.results("all", signal), api.results(by, signal)]).catch((error) => {
    if (![403, 404].includes(error.status)) throw error;
    return error; // there are none, or none for this key; the service says why
  });
  if (answers instanceof Error) return { title: "Results", said: answers.message, body: [...body, h("p", { class: "nothing" }, `No results to show: ${clean(answers.message, 300)}.`)] };
  const [report, parts] = answers;
  const { currency } = report;
  if (!report.rows.length) return { title: "Results", body: [...body, h("p", { class: "nothing" }, "No recommendations are recorded yet.")] };
  const cells = (row) => [
    h("th", { scope: "row" }, said(valueWords(by, row.value), 120)), h("td", {}, count(row.impressions)),
    h("td", {}, share.format(row.click_rate), h("span", { class: "hint" }, ` ${between(row.click_rate_low, row.click_rate_high)}`)),
    h("td", {}, share.format(row.cart_rate)), h("td", {}, price(row.revenue)), h("td", {}, price(row.revenue_per_1000)),
  ];
  return {
    title: "Results",
    said: "Results of the recommendations",
    body: [
      ...body,
      h("p", {}, `${day(report.first_at)} to ${day(report.last_at)}`),
      tiles(report),
      !report.incremental && h("p", { class: "note" }, "Shoppers would have made some of these purchases anyway. To measure the incremental revenue, show no recommendations to a share of the shoppers (a holdout group)."),
      ...(experimentOf(report.experiment, currency) ?? []),
      h("h2", {}, `By ${WORDS[by]}`),
      h("nav", { class: "jump", "aria-label": "Figures by" }, Object.entries(WORDS).map(([name, words]) => h("a", { class: "quiet", href: to("results", { by: name }), "aria-current": name === by && "page" }, words))),
      parts.rows.length ? table([WORDS[by][0].toUpperCase() + WORDS[by].slice(1), "Shown", "Click rate", "Add-to-cart rate", `Revenue${currency ? `, ${clean(currency, 3)}` : ""}`, "Revenue per 1,000 shown"], parts.rows.slice(0, SHOWN).map(cells)) : h("p", { class: "nothing" }, "None."),
      parts.rows.length > SHOWN && h("p", { class: "hint" }, `${count(parts.rows.length - SHOWN + parts.more_rows)} more rows are not shown.`),
      h("p", { class: "hint under" }, `Ranges are 95 % confidence intervals. Rows with overlapping ranges may not differ. Revenue counts purchases of a product within ${many(report.window_hours, "hour")} after the shopper's last ${report.touch} of it; shoppers would have made some of these purchases anyway.`),
      report.notes.length > 0 && h("ul", { class: "hint" }, report.notes.map((note) => h("li", {}, clean(note, 300)))),
    ],
  };
}
