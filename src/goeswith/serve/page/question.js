// The question that narrows recommendations down, its answers as links, and the filters in use.
import { h, said, uid } from "./dom.js";
import { conditionWords, parsed } from "./filters.js";
import { lists, to } from "./routes.js";
import { count } from "./text.js";

/** Filters that the service takes in one request. */
const MAX_FILTERS = 20;

/**
 * The row above the recommendations; null without a question and without filters.
 *
 * @param question of the service, or null.
 * @param params of the address now; answers are its parameters `where`.
 */
export function questionRow(question, params) {
  const where = params.getAll("where");
  const choices = (question?.choices ?? []).filter((one) => one.where.length && where.length + one.where.length <= MAX_FILTERS);
  if (!choices.length && !where.length) return null;
  const link = (filters, ...content) =>
    h("a", { href: to("product", { ...lists(params), where: filters }), "data-keep": "question" }, content);
  const id = uid("question");
  return h(
    "div",
    // the group is the first with this key: after an answer it has the focus, and its label is read
    { class: "question", role: "group", "aria-labelledby": id, tabindex: -1, "data-keep": "question" },
    h("p", { id, class: choices.length > 0 ? "label" : "unseen" }, choices.length > 0 ? said(question.text, 120) : "Filters in use"),
    choices.length > 0 && h(
      "ul",
      { role: "list" },
      choices.map((choice) => h("li", {}, link(
        [...where, ...choice.where],
        said(choice.answer, 60),
        h("span", { class: "count" }, count(choice.products), h("span", { class: "unseen" }, choice.products === 1 ? " product" : " products")),
      ))),
    ),
    where.length > 0 && h(
      "ul",
      { role: "list", class: "chosen" },
      byColumn(where).map((filters) => h("li", {}, link(
        where.filter((one) => !filters.includes(one)),
        h("span", { class: "unseen" }, "Remove filter: "),
        said(conditionWords(filters), 120),
        h("span", { "aria-hidden": "true" }, "×"),
      ))),
      h("li", {}, h("a", { class: "all", href: to("product", { ...lists(params), where: [] }), "data-keep": "question" }, "Show all")),
    ),
  );
}

/** Filters of one attribute together: an answer may have several. */
function byColumn(where) {
  const columns = new Map();
  for (const filter of where) {
    const { column } = parsed(filter);
    columns.set(column, [...(columns.get(column) ?? []), filter]);
  }
  return [...columns.values()];
}
