// What a merchandiser does with a recommendation: rules and labels. Only for keys that may edit.
import * as api from "./api.js";
import { h } from "./dom.js";
import { openRule } from "./rule_form.js";
import { ACTIONS, LABELS, makeRule, saveRules } from "./ruling.js";
import { nameOf } from "./text.js";
import { toast } from "./toast.js";

/** Cards whose buttons are open, so that they stay open when the view is shown anew. */
const opened = new Set();

/** Labels of one product by this key: target -> label. */
export async function labelsOf(source, facts, signal) {
  if (!facts.may_edit) return new Map();
  try {
    const { labels } = await api.labels(source, signal);
    return new Map(labels.reverse().map(({ target, label }) => [target, label]));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return new Map();
  }
}

/**
 * The buttons of a card, behind one.
 *
 * @param context of the card: `{ facts, source, labels, market, again }`; source is a product.
 */
export function editPanel(answer, rank, { facts, source, labels, market, again }) {
  if (!facts.may_edit || !again) return null;
  const name = nameOf(answer, 60);
  const open = (action) => openRule({ action, source, target: answer, rank: Math.max(1, rank), market, again });
  const acts = Object.entries(ACTIONS).map(([action, { label, means }]) =>
    h("button", { type: "button", title: means, "aria-label": `${label} ${name}`, "data-keep": `${action} ${answer.product_id}`, on: { click: () => open(action) } }, label),
  );
  if (source) acts.push(h("button", { type: "button", title: "Ban it for this product, and label it as irrelevant", "aria-label": `Not a complement: ${name}`, on: { click: () => reject(answer, source, again) } }, "Not a complement"));
  const card = `${source?.product_id} ${answer.product_id}`;
  return h(
    "details",
    { class: "edit", open: opened.has(card), on: { toggle: ({ target }) => opened[target.open ? "add" : "delete"](card) } },
    h("summary", { "aria-label": `Edit ${name}`, "data-keep": `edit ${answer.product_id}` }, "Edit"),
    h("div", { class: "acts", role: "group", "aria-label": `Rules for ${name}` }, acts),
    source && labelButtons(answer, source, labels),
  );
}

async function reject(answer, source, again) {
  try {
    const rule = makeRule({ action: "ban", source, target: answer, scope: "product", note: "not a complement" });
    const pair = [source.product_id, answer.product_id];
    await api.label(...pair, "irrelevant");
    const words = `Banned for this product and labelled irrelevant: ${nameOf(answer, 60)}`;
    await saveRules([rule], words, again, () => api.label(...pair, "none"));
  } catch (error) {
    toast(error.message);
  }
}

function labelButtons(answer, source, labels) {
  const buttons = Object.entries(LABELS).map(([name, words]) => h("button", { type: "button", "data-label": name, on: { click: () => choose(name) } }, words));
  const draw = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(labels.get(answer.product_id) === button.dataset.label));
  };
  const set = async (name) => {
    await api.label(source.product_id, answer.product_id, name ?? "none");
    if (name) labels.set(answer.product_id, name);
    else labels.delete(answer.product_id);
    draw();
  };
  const choose = async (name) => {
    const before = labels.get(answer.product_id);
    const next = before === name ? undefined : name;
    try {
      await set(next);
      toast(next ? `Labelled ${LABELS[next].toLowerCase()}: ${nameOf(answer, 60)}` : `Label removed: ${nameOf(answer, 60)}`, {
        label: "Undo",
        run: () => set(before).then(() => "Undone"),
      });
    } catch (error) {
      toast(error.message);
    }
  };
  draw();
  return h("div", { class: "acts labels", role: "group", "aria-label": `Label of ${nameOf(answer, 60)}` }, h("span", { class: "hint" }, "Label"), buttons);
}
