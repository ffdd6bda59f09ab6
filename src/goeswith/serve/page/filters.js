// What of a ranking is shown: filters on attributes, quota, diversity. Kept in the address.
import { h, uid } from "./dom.js";
import { go, lists } from "./routes.js";
import { clean, percent } from "./text.js";

const OPERATORS = [
  ["=", "is"],
  ["!=", "is not"],
  ["<=", "at most"],
  [">=", "at least"],
  ["<", "less than"],
  [">", "more than"],
  ["in", "is one of (a|b)"],
  ["contains", "contains"],
];
const WORDS = new Map(OPERATORS);
const PATTERN = /^(.*?)(<=|>=|!=|=|<|>|\sin\s|\scontains\s)(.*)$/s;
/** Where open filters would push the list out of sight. */
const NARROW = matchMedia("(max-width: 44rem)");
export const FIELDS = ["where", "per_type", "diversity", "market", "include", "k"];

/** Parameters of the slate that stand in an address. */
export function slateOf(params) {
  return {
    where: params.getAll("where"),
    per_type: params.get("per_type"),
    diversity: params.get("diversity"),
    market: params.get("market"),
    include: params.getAll("include"),
    k: params.get("k"),
  };
}

/** The parts of a filter that is written as text. */
export function parsed(text) {
  const [, column = "", op = "=", value = ""] = PATTERN.exec(text) ?? [];
  return { column: column.trim(), op: op.trim(), value: value.trim() };
}

/** Filters of one attribute in words: "price more than 27, at most 36". */
export function conditionWords(filters) {
  const { column } = parsed(filters[0]);
  let last = null;
  const parts = filters.map((filter) => {
    const { op, value } = parsed(filter);
    const sign = op === last ? "" : WORDS.get(op);
    last = op;
    return op === "in" ? `is one of ${value.replaceAll("|", ", ")}` : `${sign} ${value}`.trim();
  });
  return column ? `${column.replaceAll("_", " ")} ${parts.join(", ")}` : filters.join(", ");
}

const written = ({ column, op, value }) => (/^[a-z]/.test(op) ? `${column} ${op} ${value}` : `${column}${op}${value}`);

/** A labelled field. */
export function field(label, control, hint) {
  const id = uid("field");
  control.id = id;
  return h("p", { class: "field" }, h("label", { for: id }, label), control, hint && h("span", { class: "hint" }, hint));
}

function row(columns, given) {
  // one that the catalogue no longer has stays as it is written
  const gone = given.column && !columns.some((c) => c.column === given.column) ? [{ column: given.column }] : [];
  const column = h(
    "select",
    { "aria-label": "Attribute", name: "column" },
    [...gone, ...columns].map((c) => h("option", { value: c.column, selected: c.column === given.column }, clean(c.column, 60))),
  );
  const op = h(
    "select",
    { "aria-label": "Comparison", name: "op" },
    OPERATORS.map(([sign, words]) => h("option", { value: sign, selected: sign === given.op }, words)),
  );
  const value = h("input", { "aria-label": "Value", name: "value", type: "text", maxlength: 300, value: given.value });
  const line = h(
    "div",
    { class: "where" },
    column,
    op,
    value,
    h("button", { type: "button", class: "quiet", "aria-label": "Remove filter", on: { click: () => line.remove() } }, "×"),
  );
  return line;
}

/**
 * The panel.
 *
 * @param view name of the view whose address it changes.
 * @param params of the address now.
 * @param only the fields that the view's endpoint takes.
 * @param beside fields that the view shows outside the panel too: they do not open it.
 */
export function filterPanel(view, params, facts, only = FIELDS, beside = []) {
  const slate = slateOf(params);
  const columns = facts.filters;
  const inUse = only.filter((name) => [slate[name]].flat().filter(Boolean).length);
  const set = inUse.length;
  const rows = h("div", { class: "rows" }, slate.where.map((text) => row(columns, parsed(text))));
  const perType = h("input", { type: "number", min: 1, max: 1000, name: "per_type", value: slate.per_type ?? "", inputmode: "numeric", placeholder: "no limit" });
  const k = h("input", { type: "number", min: 1, max: facts.k, name: "k", value: slate.k ?? "", inputmode: "numeric", placeholder: String(Math.min(24, facts.k)) });
  const market = h("input", { type: "text", maxlength: 200, name: "market", value: facts.market ?? slate.market ?? "", placeholder: "all markets", readonly: Boolean(facts.market) });
  const include = ["sold_out", "hidden"].map((name) => h("input", { type: "checkbox", name, checked: slate.include.includes(name) }));
  const shown = h("output", {}, percent(Number(slate.diversity ?? 0)));
  const diversity = h("input", {
    type: "range", min: 0, max: 1, step: 0.1, name: "diversity", value: slate.diversity ?? 0,
    on: { input: () => { shown.textContent = percent(Number(diversity.value)); } },
  });
  const clear = () => {
    const next = Object.fromEntries(
      [...params.keys()].filter((name) => !FIELDS.includes(name)).map((name) => [name, params.getAll(name)]),
    );
    go(view, next);
  };
  const apply = (event) => {
    event.preventDefault();
    const where = [...rows.children]
      .map((line) => Object.fromEntries(["column", "op", "value"].map((name) => [name, line.querySelector(`[name=${name}]`).value.trim()])))
      .filter((filter) => filter.value)
      .map(written);
    go(view, {
      ...lists(params),
      where: only.includes("where") ? where : [],
      per_type: perType.value,
      diversity: Number(diversity.value) > 0 ? diversity.value : null,
      market: facts.market ? null : market.value.trim(),
      include: include.filter((box) => box.checked).map((box) => box.name),
      k: k.value,
    });
  };
  return h(
    "details",
    { class: "panel", open: inUse.some((name) => !beside.includes(name)) && !NARROW.matches },
    h("summary", { "data-keep": "filters" }, "Filters", set > 0 && h("span", { class: "count" }, set)),
    h(
      "form",
      { on: { submit: apply } },
      only.includes("where") && columns.length > 0 && h(
        "fieldset",
        {},
        h("legend", {}, "Product attributes"),
        rows,
        h("button", { type: "button", class: "quiet", on: { click: () => {
          const line = row(columns, { column: "", op: "=", value: "" });
          rows.append(line);
          line.querySelector("select").focus();
        } } }, "Add filter"),
      ),
      h(
        "div",
        { class: "fields" },
        only.includes("per_type") && field("Maximum per type", perType),
        only.includes("diversity") && h("div", { class: "ranged", title: "Moves further products of the same type down the list" }, field("Diversity", diversity), shown),
        only.includes("market") && field("Market", market, facts.market && "Set by your API key"),
        only.includes("include") && h("fieldset", { class: "including" }, h("legend", {}, "Also show"), include.map((box, i) => h("label", {}, box, ["sold-out products", "hidden products"][i]))),
        only.includes("k") && field("Number of results", k),
      ),
      h("p", { class: "does" }, h("button", { type: "submit", "data-keep": "apply" }, "Apply"), set > 0 && h("button", { type: "button", class: "quiet", on: { click: clear } }, "Clear")),
    ),
  );
}
