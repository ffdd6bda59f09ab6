// What a benchmark measured: a table a protocol, sorted by any column, and its plots.
import * as api from "../api.js";
import { announce, h, modelName, said, uid } from "../dom.js";
import { field } from "../filters.js";
import { bars, importances, scatter, slices, training } from "../plots.js";
import { clean, figure, many } from "../text.js";

const MAIN = ["ndcg@10", "hit@10", "mrr@20", "hit@10.new", "type_hit@3", "direction_accuracy", "substitutes@10", "types@10", "coverage@10", "auc", "cold_target.ndcg@10", "cold_share@10"];
const COSTS = { fit_seconds: "fit s", score_seconds: "score s", peak_memory_mb: "peak MiB" };
const LOWER = new Set(["substitutes@10", "cold_target.substitutes@10", "ece@10", ...Object.keys(COSTS)]);
const MEANS = {
  "ndcg@10": "Normalized discounted cumulative gain of held-out complements in the top 10",
  "hit@10": "Share of held-out pairs in the top 10",
  "type_hit@3": "Share of queries whose held-out product type is among the first three types",
  direction_accuracy: "Share of one-way pairs that score higher than their reverse",
  "substitutes@10": "Share of the top 10 that are substitutes; lower is better",
  "types@10": "Distinct product types in the top 10",
  "coverage@10": "Share of the catalogue in at least one top 10",
};

export async function report({ facts }) {
  let found;
  try {
    found = await api.report();
  } catch (error) {
    if (error.status !== 404) throw error;
    return {
      title: "Report",
      said: "No report",
      body: [h("h1", {}, "No report"), h("p", {}, said(error.message, 600)), h("p", {}, "Create one with ", h("code", {}, "goeswith benchmark FOLDER -o report.json"), ".")],
    };
  }
  const tables = found.protocols ?? [found];
  return {
    title: "Report",
    said: `Report of ${many(tables.length, "protocol")}`,
    body: [
      h("h1", {}, "Benchmark report"),
      h("p", { class: "lead" }, "Metrics on held-out pairs. Bold: best model of the column. ↓: lower is better."),
      tables.length > 1 && h("p", { class: "jump" }, tables.map((t, i) => h("button", { type: "button", class: "quiet", on: { click: () => document.getElementById(`protocol-${i}`).scrollIntoView() } }, said(`${t.data}, ${t.protocol}`, 60)))),
      tables.map((t, i) => section(t, i, facts)),
    ],
  };
}

const value = (result, column) => (column in COSTS ? result[column] : result.metrics?.[column]?.mean);

function columnsOf(table) {
  const found = new Set(table.results.flatMap((r) => Object.keys(r.metrics ?? {})));
  const all = [...MAIN.filter((m) => found.has(m)), ...[...found].filter((m) => !MAIN.includes(m)), ...Object.keys(COSTS)];
  return { main: all.filter((m) => MAIN.includes(m) || m === "ece@10"), all };
}

function section(table, place) {
  const { main, all } = columnsOf(table);
  const state = { column: main[0], down: !LOWER.has(main[0]), all: false };
  const holder = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table of ${clean(table.protocol, 40)}` });
  const draw = () => holder.replaceChildren(drawTable(table, state.all ? all : main, state, sort));
  const sort = (column) => {
    state.down = state.column === column ? !state.down : !LOWER.has(column);
    state.column = column;
    draw();
    [...holder.querySelectorAll("th button")].find((b) => b.dataset.column === column)?.focus();
    announce(`Sorted by ${column}, ${state.down ? "largest" : "smallest"} first`);
  };
  draw();
  const every = h("input", { type: "checkbox", on: { change: () => { state.all = every.checked; draw(); } } });
  const id = uid("every");
  every.id = id;
  const seeds = table.seeds ?? [];
  return h(
    "section",
    { class: "protocol", id: `protocol-${place}`, "aria-label": `${clean(table.data, 40)}, ${clean(table.protocol, 40)}` },
    h("h2", {}, said(table.data, 60), ": ", said(table.protocol, 60)),
    h("p", { class: "hint" }, `${many(table.products ?? 0, "product")}; mean and standard deviation over ${many(seeds.length, "seed")}.`),
    holder,
    all.length > main.length && h("p", { class: "check" }, every, h("label", { for: id }, "All metrics")),
    plots(table, main),
  );
}

function drawTable(table, columns, state, sort) {
  const best = Object.fromEntries(columns.map((c) => {
    const known = table.results.map((r) => value(r, c)).filter(Number.isFinite);
    return [c, known.length > 1 ? Math[LOWER.has(c) ? "min" : "max"](...known) : null];
  }));
  const order = [...table.results].sort((a, b) => {
    const [x, y] = [value(a, state.column), value(b, state.column)];
    if (!Number.isFinite(x)) return 1;
    if (!Number.isFinite(y)) return -1;
    return state.down ? y - x : x - y;
  });
  return h(
    "table",
    {},
    h("caption", { class: "unseen" }, `${clean(table.data, 60)}, ${clean(table.protocol, 60)}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "model"), columns.map((c) => {
      const sorted = c === state.column ? (state.down ? "descending" : "ascending") : null;
      return h("th", { scope: "col", "aria-sort": sorted, title: MEANS[c] }, h("button", { type: "button", "data-column": c, on: { click: () => sort(c) } }, COSTS[c] ?? clean(c, 40), LOWER.has(c) ? " ↓" : ""));
    }))),
    h("tbody", {}, order.map((r) =>
      h("tr", {}, h("th", { scope: "row" }, modelName(r.model)), r.refused !== undefined
        ? h("td", { colspan: columns.length, class: "refused" }, said(r.refused, 300))
        : columns.map((c) => cell(r, c, best[c])))),
    ),
  );
}

function cell(result, column, best) {
  const v = value(result, column);
  if (!Number.isFinite(v)) return h("td", {}, "–");
  const spread = result.metrics?.[column]?.per_seed?.length > 1 ? result.metrics[column].std : null;
  return h("td", { class: v === best ? "best" : null }, column === "peak_memory_mb" ? Math.round(v) : figure(v), spread !== null && spread !== undefined && h("span", { class: "spread" }, ` ±${figure(spread)}`));
}

function plots(table, main) {
  const metrics = main.filter((m) => bars(table, m));
  if (!metrics.length) return null;
  const holder = h("div");
  const choose = h("select", { on: { change: () => holder.replaceChildren(bars(table, choose.value, LOWER.has(choose.value))) } }, metrics.map((m) => h("option", { value: m }, m)));
  holder.replaceChildren(bars(table, metrics[0], LOWER.has(metrics[0])));
  const rest = [
    scatter(table, "ndcg@10", "direction_accuracy"),
    scatter(table, "ndcg@10", "substitutes@10"),
    slices(table),
    ...table.results.flatMap((r) => [importances(r), training(r)]),
  ].filter(Boolean);
  return h("div", { class: "plots" }, h("div", {}, field("Metric", choose), holder), rest);
}
