// Plots of a benchmark, drawn as SVG; the table beside them says the same in figures.
import { h, s, said } from "./dom.js";
import { clean, figure } from "./text.js";

const mean = (result, metric) => result.metrics?.[metric]?.mean;
const having = (table, ...metrics) => table.results.filter((r) => metrics.every((m) => Number.isFinite(mean(r, m))));
const NARROW = matchMedia("(max-width: 44rem)").matches;
const [WIDTH, LEFT, RIGHT, LETTERS, STEP] = NARROW ? [330, 112, 46, 15, 66] : [600, 180, 60, 24, 90];

/** Round steps for an axis up to `most`. */
function ticks(least, most) {
  const rough = (most - least) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((v) => v >= rough);
  const found = [];
  for (let v = Math.ceil(least / step) * step; v <= most + step / 1000; v += step) found.push(Number(v.toPrecision(6)));
  return found;
}

const tick = (v) => String(Number(v.toPrecision(3)));

function frame(caption, height, label, children) {
  return h(
    "figure",
    { class: "plot" },
    h("figcaption", {}, said(caption)),
    h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": `Plot: ${clean(caption, 100)}` }, s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": clean(label, 600) }, children)),
  );
}

function axis(scale, marks, top, bottom, name) {
  return [
    marks.map((v) => [
      s("path", { class: "grid", d: `M${scale(v).toFixed(1)} ${top}V${bottom}` }),
      s("text", { class: "tick", x: scale(v), y: bottom + 16, "text-anchor": "middle" }, tick(v)),
    ]),
    s("text", { class: "axis", x: WIDTH - RIGHT, y: bottom + 32, "text-anchor": "end" }, name),
  ];
}

/** A model's name; its settings stand on a line of their own. */
function name(text, y) {
  const [model, settings] = clean(text, 300).split(/:(.*)/s);
  const rows = settings ? [model, settings] : [model];
  const at = { x: LEFT - 10, "text-anchor": "end", "dominant-baseline": "central" };
  return [
    rows.map((row, i) => s("text", { ...at, class: i ? "model small" : "model", y: y + (rows.length > 1 ? 12 * i - 5 : 0) }, i ? null : s("title", {}, clean(text, 300)), clean(row, LETTERS + 4 * i))),
  ];
}

/** One metric: a bar a model, with the standard deviation over seeds. */
export function bars(table, metric, lowerIsBetter) {
  const results = having(table, metric).sort((a, b) => (mean(b, metric) - mean(a, metric)) * (lowerIsBetter ? -1 : 1));
  if (!results.length) return null;
  const most = Math.max(...results.map((r) => mean(r, metric) + (r.metrics[metric].std ?? 0)), 1e-9);
  const scale = (v) => LEFT + (Math.max(0, v) / most) * (WIDTH - LEFT - RIGHT);
  const bottom = 10 + 26 * results.length;
  const rows = results.map((r, i) => {
    const y = 22 + 26 * i;
    const [v, std] = [mean(r, metric), r.metrics[metric].std ?? 0];
    const [low, high] = [scale(v - std), scale(v + std)];
    return [
      name(r.model, y),
      s("rect", { class: i ? "rod" : "rod best", x: LEFT, y: y - 8, width: Math.max(0.5, scale(v) - LEFT).toFixed(1), height: 16, rx: 2 }),
      std > 0 && s("path", { class: "error", d: `M${low.toFixed(1)} ${y}H${high.toFixed(1)}M${low.toFixed(1)} ${y - 4}v8M${high.toFixed(1)} ${y - 4}v8` }),
      s("text", { class: "tick", x: high + 8, y, "dominant-baseline": "central" }, figure(v)),
    ];
  });
  const label = `${metric}: ${results.map((r) => `${r.model} ${figure(mean(r, metric))}`).join(", ")}`;
  return frame(`${metric}: mean and standard deviation over seeds`, bottom + 40, label, [axis(scale, ticks(0, most), 8, bottom, metric), rows]);
}

/** One metric against another: a dot a model, numbered as in the list beside it. */
export function scatter(table, across, up) {
  const results = having(table, across, up).sort((a, b) => mean(b, across) - mean(a, across));
  if (results.length < 2) return null;
  const [top, bottom, left] = [16, 260, NARROW ? 40 : 60];
  const range = (metric) => {
    const values = results.map((r) => mean(r, metric));
    const pad = (Math.max(...values) - Math.min(...values)) * 0.08 || 0.05;
    return [Math.min(...values) - pad, Math.max(...values) + pad];
  };
  const [x0, x1] = range(across);
  const [y0, y1] = range(up);
  const sx = (v) => left + ((v - x0) / (x1 - x0)) * (WIDTH - left - RIGHT);
  const sy = (v) => bottom - ((v - y0) / (y1 - y0)) * (bottom - top);
  const dots = results.map((r, i) => {
    const [x, y] = [sx(mean(r, across)), sy(mean(r, up))];
    return s("g", {}, s("title", {}, clean(r.model, 200)), s("circle", { class: i ? "spot" : "spot best", cx: x.toFixed(1), cy: y.toFixed(1), r: 10 }), s("text", { class: "spot-number", x: x.toFixed(1), y: y.toFixed(1), "text-anchor": "middle", "dominant-baseline": "central" }, i + 1));
  });
  const grid = ticks(y0, y1).map((v) => [s("path", { class: "grid", d: `M${left} ${sy(v).toFixed(1)}H${WIDTH - RIGHT}` }), s("text", { class: "tick", x: left - 8, y: sy(v), "text-anchor": "end", "dominant-baseline": "central" }, tick(v))]);
  const plot = frame(`${up} versus ${across}`, bottom + 40, `${up} versus ${across}: ${results.map((r) => `${r.model} ${figure(mean(r, up))} and ${figure(mean(r, across))}`).join("; ")}`, [
    axis(sx, ticks(x0, x1), top, bottom, across), grid, dots,
  ]);
  plot.append(h("ol", { class: "keys" }, results.map((r) => h("li", {}, said(r.model, 90)))));
  return plot;
}

const SLICES = ["head", "torso", "tail"];

/** hit@10 by the popularity of the target: three dots a model. */
export function slices(table) {
  const metrics = SLICES.map((name) => `hit@10.${name}`);
  const results = table.results.filter((r) => metrics.some((m) => Number.isFinite(mean(r, m))));
  if (!results.length) return null;
  const most = Math.max(...results.flatMap((r) => metrics.map((m) => mean(r, m) ?? 0)), 1e-9);
  const scale = (v) => LEFT + (v / most) * (WIDTH - LEFT - RIGHT);
  const bottom = 34 + 26 * results.length;
  const rows = results.map((r, i) => {
    const y = 46 + 26 * i;
    const known = metrics.map((m) => mean(r, m)).filter(Number.isFinite).map(scale);
    return [
      name(r.model, y),
      s("path", { class: "span", d: `M${Math.min(...known).toFixed(1)} ${y}H${Math.max(...known).toFixed(1)}` }),
      metrics.map((m, j) => Number.isFinite(mean(r, m)) && shape(j, scale(mean(r, m)), y, `${SLICES[j]}: ${figure(mean(r, m))}`)),
    ];
  });
  const legend = SLICES.map((text, j) => [shape(j, LEFT + 8 + STEP * j, 14), s("text", { class: "tick", x: LEFT + 20 + STEP * j, y: 14, "dominant-baseline": "central" }, text)]);
  const label = `hit@10 by popularity of the target: ${results.map((r) => `${r.model} ${SLICES.map((name, j) => `${name} ${figure(mean(r, metrics[j]) ?? 0)}`).join(" ")}`).join("; ")}`;
  return frame("hit@10 by popularity of the target: head, torso and tail, a third of the pairs each", bottom + 40, label, [legend, axis(scale, ticks(0, most), 32, bottom, "hit@10"), rows]);
}

function shape(j, x, y, title) {
  const at = { class: `slice slice-${j}` };
  const said = title && s("title", {}, title);
  if (j === 0) return s("circle", { ...at, cx: x, cy: y, r: 6 }, said);
  if (j === 1) return s("rect", { ...at, x: x - 5.5, y: y - 5.5, width: 11, height: 11 }, said);
  return s("path", { ...at, d: `M${x} ${y - 7}l7 12h-14z` }, said);
}

/** What a model of trees judges a pair by. */
export function importances(result) {
  const found = Object.entries(result.importances ?? {}).slice(0, 15);
  if (!found.length) return null;
  const like = { results: found.map(([model, share]) => ({ model, metrics: { "share of gain": { mean: share, std: 0 } } })) };
  const plot = bars(like, "share of gain", false);
  plot.querySelector("figcaption").replaceChildren(said(`Feature importance of ${clean(result.model, 60)}: share of gain`));
  return plot;
}

/** Validation by epoch: a line a fit. */
export function training(result) {
  const fits = (result.training ?? []).map((fit) => fit.epochs.filter((e) => Number.isFinite(e.validation))).filter((e) => e.length > 1);
  if (!fits.length) return null;
  const [top, bottom, left] = [12, 180, 60];
  const all = fits.flat();
  const last = Math.max(...all.map((e) => e.epoch));
  const first = Math.min(...all.map((e) => e.epoch));
  const most = Math.max(...all.map((e) => e.validation), 1e-9);
  const sx = (v) => left + ((v - first) / (last - first || 1)) * (WIDTH - left - RIGHT);
  const sy = (v) => bottom - (v / most) * (bottom - top);
  const lines = fits.map((epochs, i) => s("path", { class: `trained slice-${i % 3}`, d: `M${epochs.map((e) => `${sx(e.epoch).toFixed(1)} ${sy(e.validation).toFixed(1)}`).join("L")}` }));
  const grid = ticks(0, most).map((v) => [s("path", { class: "grid", d: `M${left} ${sy(v).toFixed(1)}H${WIDTH - RIGHT}` }), s("text", { class: "tick", x: left - 8, y: sy(v), "text-anchor": "end", "dominant-baseline": "central" }, tick(v))]);
  return frame(`Training of ${clean(result.model, 60)}: validation by epoch, one line per fit`, bottom + 40, `Best validation ${figure(most)}`, [axis(sx, ticks(first, last).filter(Number.isInteger), top, bottom, "epoch"), grid, lines]);
}
