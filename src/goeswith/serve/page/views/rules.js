// The rules of the shop: what they say, what is wrong with them, and how they came about.
import * as api from "../api.js";
import { h, said } from "../dom.js";
import { ruleWords } from "../ruling.js";
import { count, many, nameOf } from "../text.js";
import { toast } from "../toast.js";

const SHOWN = 200;
const NAMED = 60;

export async function rules({ params, facts, signal, again }) {
  const [{ rules: stored, problems }, { changes }] = await Promise.all([api.rules(signal), api.ruleHistory(signal)]);
  const chosen = params.get("id");
  const shown = [...stored.filter((rule) => rule.id === chosen), ...stored.filter((rule) => rule.id !== chosen)].slice(0, SHOWN);
  const names = await titles(shown);
  const wrong = new Map();
  for (const { rule, problem, is_left_out: out } of problems) wrong.set(rule, [...(wrong.get(rule) ?? []), out ? `Not applied: ${problem}` : problem]);
  const act = (run) => async ({ currentTarget }) => {
    currentTarget.disabled = true;
    try {
      toast(await run());
      again();
    } catch (error) {
      toast(error.message);
      currentTarget.disabled = false;
    }
  };
  const heading = many(stored.length, "rule");
  return {
    title: "Rules",
    said: heading,
    body: [
      h("h1", {}, "Rules"),
      h("p", { class: "lead" }, stored.length ? `${heading}${wrong.size ? `, ${count(wrong.size)} with a problem` : ""}.` : facts.may_edit ? "No rules. To add one, open Edit below a recommendation." : "No rules."),
      !facts.may_edit && h("p", { class: "hint permission" }, "Read-only: ", said(facts.edit_refusal, 200), "."),
      chosen && !stored.some((rule) => rule.id === chosen) && h("p", { class: "note" }, "There is no rule ", said(chosen, 80), "; it may have been removed."),
      h("ul", { class: "rules" }, shown.map((rule) => h(
        "li",
        { class: rule.id === chosen ? "rule chosen" : "rule" },
        h(
          "div",
          {},
          h("p", { class: "words" }, said(ruleWords(rule, names), 600)),
          h("p", { class: "brief" }, h("span", { class: "id" }, said(rule.id, 80)), rule.owner && h("span", {}, said(rule.owner, 80)), rule.note && h("span", {}, said(rule.note, 300))),
          (wrong.get(rule.id) ?? []).map((text) => h("p", { class: "problem" }, said(text, 400))),
        ),
        facts.may_edit && h("button", { type: "button", class: "quiet", "aria-label": `Remove rule ${rule.id}`, on: { click: act(async () => { await api.removeRule(rule.id); return `Removed ${rule.id}`; }) } }, "Remove"),
      ))),
      stored.length > SHOWN && h("p", { class: "hint" }, `The first ${SHOWN} of ${heading}; goeswith rules list prints all.`),
      changes.length > 0 && [
        h("h2", {}, "History"),
        facts.may_edit && h("p", { class: "does" }, h("button", { type: "button", on: { click: act(async () => { await api.undoRules(); return "Last change undone"; }) } }, "Undo last change")),
        h("ol", { class: "history" }, changes.slice(0, 50).map(change)),
      ],
    ],
  };
}

/** Titles of the products of the first rules, by id. */
async function titles(list) {
  const ids = new Set(list.flatMap(({ source, target }) => [source?.products?.[0], target?.products?.[0]]).filter(Boolean).slice(0, NAMED));
  const found = await Promise.all([...ids].map((id) => api.product(id).then(({ attributes }) => [id, nameOf({ product_id: id, ...attributes }, 60)], () => null)));
  return new Map(found.filter(Boolean));
}

function change({ at, who, action, before, after, undoes }) {
  const when = new Date(at);
  const ids = Object.keys({ ...before, ...after });
  const verb = (id) => (before[id] ? (after[id] ? "changed" : "removed") : "added");
  return h(
    "li",
    {},
    h("span", { class: "hint" }, Number.isNaN(when.getTime()) ? said(at, 40) : new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(when), who && [" · ", said(who, 80)]),
    " ",
    undoes ? "Undo: " : action === "edit of the file" ? "Edit of the file: " : "",
    said(ids.slice(0, 5).map((id) => `${id} ${verb(id)}`).join(", "), 500),
    ids.length > 5 && ` and ${ids.length - 5} more`,
  );
}
