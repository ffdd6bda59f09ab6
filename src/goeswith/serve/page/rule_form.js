// The form of a rule: for which products, in which market, until when; tried before it is stored.
import * as api from "./api.js";
import { h, said } from "./dom.js";
import { field } from "./filters.js";
import { ACTIONS, makeRule, problemsOf, saveRules } from "./ruling.js";
import { clean, many, nameOf } from "./text.js";

const today = () => new Date().toISOString().slice(0, 10);

/**
 * Opens the form.
 *
 * @param action of `ACTIONS`.
 * @param source the queried product; null in lists of several products.
 * @param target the recommended product.
 * @param market of the list that is shown.
 */
export function openRule({ action, source, target, rank = 1, market = "", again }) {
  const { label, past, means } = ACTIONS[action];
  const scopes = [
    source && ["product", `${nameOf(source, 60)} only`],
    source?.type && ["type", `all products of type ${clean(source.type, 60)}`],
    ["all", "all products"],
  ].filter(Boolean);
  const scope = h("select", {}, scopes.map(([value, words]) => h("option", { value }, words)));
  const number = (value) => h("input", { type: "number", min: 1, max: 1000, value, inputmode: "numeric", required: action === "pin" || action === "boost" });
  const at = action === "pin" ? number(rank) : number(action === "boost" ? 5 : "");
  const inMarket = h("input", { type: "text", maxlength: 200, value: market, placeholder: "all markets" });
  const until = h("input", { type: "date", min: today() });
  const note = h("input", { type: "text", maxlength: 500 });
  const result = h("div", { class: "tried", role: "status" });
  const save = h("button", { type: "submit" }, "Save rule");
  const made = () => makeRule({
    action, source, target, scope: scope.value, rank: Number(at.value), by: Number(at.value) || null,
    market: inMarket.value.trim(), until: until.value, note: note.value.trim(),
  });
  const fail = (error) => result.replaceChildren(h("p", { class: "problem" }, said(error.message, 600)));
  const tryOut = async () => {
    // a market and an end do not change what the rule does where it applies
    const { markets, end, ...rule } = made();
    result.replaceChildren(h("p", { class: "hint" }, "Loading the preview…"));
    try {
      const shown = await api.previewRules([rule], source && scope.value === "product" ? [source.product_id] : [], 10);
      result.replaceChildren(...tried(shown, problemsOf([rule], shown.problems)));
    } catch (error) {
      fail(error);
    }
  };
  const submit = async (event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      // closed first: the focus goes back to the button, and the view keeps it there
      await saveRules([made()], `${past}: ${nameOf(target, 80)}`, () => { dialog.close(); again(); });
    } catch (error) {
      fail(error);
      save.disabled = false;
    }
  };
  const heading = h("h2", { id: "rule-heading" }, `${label}: `, said(nameOf(target, 100)));
  const dialog = h(
    "dialog",
    { class: "rule-form", "aria-labelledby": "rule-heading", on: { close: () => dialog.remove() } },
    h(
      "form",
      { on: { submit } },
      heading,
      h("p", { class: "hint" }, `${means}.`),
      h(
        "div",
        { class: "fields" },
        field("Applies to", scope),
        action === "pin" && field("Rank", at),
        (action === "boost" || action === "bury") && field(action === "boost" ? "Ranks to move up" : "Ranks to move down", at, action === "bury" && "Empty: to the end"),
        field("Market", inMarket),
        field("Until", until, "This day is included"),
        field("Note", note),
      ),
      result,
      h(
        "p",
        { class: "does" },
        save,
        h("button", { type: "button", class: "quiet", on: { click: tryOut } }, "Preview"),
        h("button", { type: "button", class: "quiet", on: { click: () => dialog.close() } }, "Cancel"),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

/** What a preview showed. */
function tried({ products, differences }, problems) {
  const names = (list, ids) => ids.map((id) => nameOf(list.find((one) => one.product_id === id) ?? { product_id: id }, 60)).join(", ");
  return [
    h("p", {}, differences.length ? `Changes ${differences.length} of ${many(products, "list")} in the preview.` : `Changes none of ${many(products, "list")} in the preview.`),
    h("ul", {}, differences.slice(0, 5).map((one) => h(
      "li",
      {},
      said(one.product_id, 60), ": ",
      said([
        one.entered.length && `added: ${names(one.after, one.entered)}`,
        one.left.length && `removed: ${names(one.before, one.left)}`,
        !one.entered.length && !one.left.length && "new order",
      ].filter(Boolean).join("; "), 400),
    ))),
    ...problems.map((p) => h("p", { class: "problem" }, said(p.problem, 400))),
  ];
}
