// The neighbourhood of a product as a drawing that one walks through, and the same as a list.
import * as api from "../api.js";
import { link } from "../cards.js";
import { h, s, said } from "../dom.js";
import { hue, initials } from "../picture.js";
import { to } from "../routes.js";
import { clean, nameOf } from "../text.js";
import { evidenceWords, strengths, TABS } from "../words.js";

const WIDE = { width: 1100, height: 680, most: { complements: 9, reverse: 9, similars: 4 }, font: 13.5 };
const NARROW = { width: 360, height: 610, most: { complements: 5, reverse: 5, similars: 2 }, font: 11 };
const trail = [];
const narrow = matchMedia("(max-width: 700px)");
let redraw = null;
narrow.addEventListener("change", () => redraw?.());

export async function map({ params, facts, signal, again }) {
  const id = params.get("id") ?? "";
  redraw = () => location.hash.startsWith("#/map") && again();
  const failed = [];
  const asked = Object.keys(TABS).map((name) =>
    api
      .related(id, name, { k: Math.min(WIDE.most[name], facts.k) }, signal)
      .then((answer) => answer[TABS[name].field])
      .catch((error) => {
        if (error.name === "AbortError" || error.status === 401) throw error;
        failed.push(h("p", { class: "problem" }, `${TABS[name].label}: `, said(error.message, 400)));
        return [];
      }),
  );
  const [{ attributes }, complements, similars, reverse] = await Promise.all([api.product(id), ...asked]);
  const self = { product_id: id, title: attributes.title, type: attributes.type };
  const lists = { complements, similars, reverse };
  walk(self);
  const all = complements.length + similars.length + reverse.length;
  return {
    title: `Related products: ${nameOf(self, 60)}`,
    said: `${all} products related to ${nameOf(self, 60)}`,
    body: [
      h("h1", {}, "Related products: ", said(nameOf(self, 120))),
      steps(self),
      h(
        "ul",
        { class: "legend", "aria-hidden": "true" },
        Object.values(TABS).map(({ label, relation }) => h("li", { class: relation }, label)),
      ),
      failed,
      all ? h("div", { class: "drawing" }, draw(self, lists)) : h("p", { class: "nothing" }, "No related products."),
      h("p", { class: "does" }, h("a", { href: to("product", { id }) }, "All recommendations")),
      h("details", { class: "panel", open: false }, h("summary", {}, "Show as list"), h("div", { class: "listed" }, Object.entries(lists).map(([name, list]) => listed(name, list)))),
    ],
  };
}

function walk(self) {
  const before = trail.findIndex((p) => p.product_id === self.product_id);
  if (before >= 0) trail.splice(before);
  trail.push(self);
  if (trail.length > 6) trail.shift();
}

function steps(self) {
  if (trail.length < 2) return null;
  return h(
    "nav",
    { class: "trail", "aria-label": "Visited products" },
    h("ol", {}, trail.map((p) => h("li", {}, p === self ? said(nameOf(p, 28)) : h("a", { href: to("map", { id: p.product_id }) }, said(nameOf(p, 28)))))),
  );
}

const listed = (name, list) =>
  h(
    "section",
    {},
    h("h2", {}, TABS[name].label),
    list.length
      ? h("ol", {}, list.map((a) => h("li", {}, link(a, 100), " – ", said(evidenceWords(a.evidence)))))
      : h("p", {}, "None."),
  );

/** The strongest of a list stands in the middle of its side. */
function fromMiddle(points) {
  const middle = (points.length - 1) / 2;
  return [...points.keys()].sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle) || a - b).map((i) => points[i]);
}

/** A half ring, evenly spaced from top to bottom, so that names beside it do not overlap. */
function half(n, toRight, { cx, cy }) {
  const step = Math.min(78, 590 / Math.max(1, n - 1));
  const points = Array.from({ length: n }, (_, i) => {
    const y = (i - (n - 1) / 2) * step;
    return [cx + (toRight ? 1 : -1) * 345 * Math.sqrt(1 - (y / 345) ** 2), cy + y];
  });
  return fromMiddle(points);
}

/** In the middle, or nearer to a side on which nothing stands. */
function middleOf({ width, height }, { complements, reverse }) {
  const [to, from] = [complements.length > 0, reverse.length > 0];
  const lean = to === from ? 0 : to ? -1 : 1;
  if (!narrow.matches) return { cx: width / 2 + 190 * lean, cy: height / 2 };
  return { cx: width / 2, cy: height / 2 + 120 * lean };
}

function placesWide(middle, { complements, similars, reverse }) {
  const above = Math.ceil(similars.length / 2);
  const row = (n, y) => Array.from({ length: n }, (_, i) => [middle.cx + (i - (n - 1) / 2) * 150, y]);
  return {
    complements: half(complements.length, true, middle),
    reverse: half(reverse.length, false, middle),
    similars: [...row(above, middle.cy - 250), ...row(similars.length - above, middle.cy + 225)],
  };
}

/** A phone: what it goes with above, what goes with it below, alternatives to the sides. */
function placesNarrow({ cx, cy }, { complements, similars, reverse }) {
  // two near and wide, three far: no line to a far one crosses a near one
  const rows = (n, near, far) => {
    const wide = Math.min(n, 2);
    const line = (count, y, step) => Array.from({ length: count }, (_, i) => [cx + (i - (count - 1) / 2) * step, y]);
    return [...line(wide, near, 236), ...line(n - wide, far, 118)];
  };
  return {
    complements: rows(complements.length, cy + 125, cy + 240),
    reverse: rows(reverse.length, cy - 140, cy - 255),
    similars: similars.map((_, i) => [i ? cx + 128 : cx - 128, cy - 8]),
  };
}

function draw(self, lists) {
  const size = narrow.matches ? NARROW : WIDE;
  const middle = middleOf(size, lists);
  const shown = Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.slice(0, size.most[name])]));
  const places = (narrow.matches ? placesNarrow : placesWide)(middle, shown);
  const lines = [];
  const nodes = [];
  for (const [name, list] of Object.entries(shown)) {
    const strong = strengths(list);
    list.forEach((answer, i) => {
      lines.push(line(name, [middle.cx, middle.cy], places[name][i], strong[i], narrow.matches));
      nodes.push(node(answer, name, places[name][i], size));
    });
  }
  return s(
    "svg",
    { class: narrow.matches ? "map narrow" : "map", viewBox: `0 0 ${size.width} ${size.height}`, role: "group", "aria-label": `Products related to ${nameOf(self, 60)}; the list below has the same content` },
    s("defs", {}, ["complements", "reverse"].map(head)),
    s("g", { "aria-hidden": "true" }, lines),
    nodes,
    s("g", { class: "self", vars: { "--hue": hue(self.type) }, "aria-hidden": "true" }, dot(self, middle.cx, middle.cy, narrow.matches ? 26 : 38)), // the heading names it
  );
}

const head = (name) =>
  s(
    "marker",
    { id: `head-${name}`, class: `head ${TABS[name].relation}`, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 15, markerHeight: 15, markerUnits: "userSpaceOnUse", orient: "auto" },
    s("path", { d: "M0 0 10 5 0 10 2.5 5z" }),
  );

function line(name, [x0, y0], [x1, y1], strength, small) {
  const away = Math.hypot(x1 - x0, y1 - y0) || 1;
  const inner = (small ? 31 : 43) / away;
  const outer = (small ? 21 : 26) / away;
  const point = (t) => `${(x0 + (x1 - x0) * t).toFixed(1)} ${(y0 + (y1 - y0) * t).toFixed(1)}`;
  const [start, end] = name === "reverse" ? [1 - outer, inner] : [inner, 1 - outer];
  return s("path", {
    class: `line ${TABS[name].relation}`,
    d: `M${point(start)}L${point(end)}`,
    "stroke-width": (1 + 5 * strength).toFixed(1),
    "marker-end": name === "similars" ? null : `url(#head-${name})`,
  });
}

function dot(product, x, y, r, says) {
  const letters = initials(product.type || product.title || product.product_id);
  return [s("circle", { cx: x, cy: y, r }, says && s("title", {}, says)), s("text", { class: "letters", "aria-hidden": "true", x, y, "text-anchor": "middle", "dominant-baseline": "central" }, letters)];
}

const ruler = document.createElement("canvas").getContext("2d");

/** Words in lines of at most `room` pixels; a word or line that is longer is cut. */
function wrapped(text, room, most) {
  const wide = (row) => ruler.measureText(row).width > room;
  const cut = (row) => {
    if (!wide(row)) return row;
    let points = Array.from(row);
    while (points.length > 1 && wide(`${points.join("")}…`)) points = points.slice(0, -1);
    return `${points.join("").trimEnd()}…`;
  };
  const rows = [""];
  for (const word of text.split(" ")) {
    const joined = rows.at(-1) ? `${rows.at(-1)} ${word}` : word;
    if (!rows.at(-1) || !wide(joined)) rows[rows.length - 1] = joined;
    else if (rows.length < most) rows.push(word);
    else {
      rows[rows.length - 1] = `${rows.at(-1)}…`;
      break;
    }
  }
  return rows.map(cut);
}

/** A name in at most three lines, none wider than `room`. */
function label(product, x, y, size, room, beside = 0) {
  ruler.font = `400 ${size.font}px ${getComputedStyle(document.body).fontFamily}`;
  const rows = wrapped(nameOf(product, 120), room, size === NARROW ? 2 : 3);
  const anchor = { 1: "start", "-1": "end", 0: "middle" }[beside];
  const first = beside ? `${(0.35 - 0.575 * (rows.length - 1)).toFixed(2)}em` : 0;
  return s("text", { class: "label", x, y, "text-anchor": anchor }, rows.map((row, i) => s("tspan", { x, dy: i ? "1.15em" : first }, row)));
}

function node(answer, name, [x, y], size) {
  const r = size === NARROW ? 17 : 21;
  // beside the ring where there is room, else below
  const beside = size === WIDE && name !== "similars" ? (name === "complements" ? 1 : -1) : 0;
  const at = beside ? [x + beside * (r + 9), y] : [x, y + r + (size === NARROW ? 13 : 17)];
  const [x0] = at;
  const room = beside ? (beside > 0 ? size.width - x0 : x0) - 6 : Math.min(2 * Math.min(x0, size.width - x0) - 8, size === NARROW ? 108 : 140);
  const says = `${nameOf(answer, 80)}: ${TABS[name].label.toLowerCase()}; ${clean(evidenceWords(answer.evidence))}`;
  return s(
    "a",
    { class: `node ${TABS[name].relation}`, href: to("map", { id: answer.product_id }), "aria-description": says, vars: { "--hue": hue(answer.type) } },
    dot(answer, x, y, r, says),
    label(answer, ...at, size, room, beside),
  );
}
