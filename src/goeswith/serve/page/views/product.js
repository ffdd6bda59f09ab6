// A product: what it is, what goes with it, what stands for it, what it goes with.
import * as api from "../api.js";
import { basketButton, groups, ordered, stockWords } from "../cards.js";
import { sinceLastBuild } from "../changes.js";
import { combobox } from "../combobox.js";
import { h, said } from "../dom.js";
import { labelsOf } from "../edit_card.js";
import { exportButtons } from "../exporting.js";
import { filterPanel, slateOf } from "../filters.js";
import { picture, showPhoto } from "../picture.js";
import { questionRow } from "../question.js";
import { go, lists, to } from "../routes.js";
import { openRule } from "../rule_form.js";
import { clean, many, nameOf, price, value } from "../text.js";
import { countWords, TABS } from "../words.js";

const ACCEPTS = {
  complements: ["where", "per_type", "diversity", "market", "include", "k"],
  similars: ["where", "market", "include", "k"],
  reverse: ["k"],
};
const FIRST = 8;
/** Milliseconds that a list waits for the question above it, so that the list does not move. */
const LONGEST_QUESTION = 1000;

export async function product({ params, facts, signal, again }) {
  const id = params.get("id") ?? "";
  const tab = Object.hasOwn(TABS, params.get("tab") ?? "") ? params.get("tab") : "complements";
  const slate = slateOf(params);
  const asked = Object.fromEntries(ACCEPTS[tab].map((name) => [name, slate[name]]));
  const plain = tab === "complements" && !Object.values(asked).flat().filter(Boolean).length;
  asked.k ||= Math.min(24, facts.k);
  const { where, market, include } = slate;
  const pending = tab === "complements" ? api.question(id, { where, market, include }) : null;
  const [{ attributes }, answer, labels] = await Promise.all([
    api.product(id),
    api.related(id, tab, asked, signal).catch((error) => error),
    labelsOf(id, facts, signal),
  ]);
  if (answer.name === "AbortError") throw answer;
  const question = await Promise.race([pending, new Promise((late) => setTimeout(late, LONGEST_QUESTION, null))]);
  const self = { product_id: id, title: attributes.title, type: attributes.type };
  const failed = answer instanceof Error;
  const answers = failed ? [] : answer[TABS[tab].field];
  const changed = plain && answers.length ? sinceLastBuild(id, answer.bundle, answers) : null;
  const context = {
    facts,
    source: self,
    labels,
    market: slate.market ?? facts.market ?? "",
    again: tab === "complements" ? again : null,
    entered: changed?.entered,
  };
  const body = [header(self, attributes, facts), tabs(id, tab)];
  body.push(filterPanel("product", params, facts, ACCEPTS[tab], tab === "complements" ? ["where"] : []));
  if (tab === "complements") body.push(permission(facts, self, context), questionRow(question, params));
  if (failed) body.push(h("p", { class: "problem" }, said(answer.message, 1000)));
  else {
    body.push(differences(changed), skipped(answer), ruled(answer));
    if (answers.length) body.push(toolbar(answers, params, id, tab), listed(answers, params, context));
    else body.push(h("p", { class: "nothing" }, NOTHING[tab]));
  }
  const heading = answers.length ? `${TABS[tab].label}: ${countWords(answers)}` : NOTHING[tab];
  return { title: nameOf(self, 60), said: failed ? answer.message : heading, body };
}

const NOTHING = {
  complements: "No recommendations, or none that match the filters.",
  similars: "No alternatives, or none that match the filters.",
  reverse: "Not recommended for any product.",
};

const byType = (params) => params.get("by") === "type";
const listed = (answers, params, context) => (byType(params) ? groups : ordered)(answers, context);

/** How many there are, the switch of the order, and what to do with the list. */
function toolbar(answers, params, id, tab) {
  const regroup = ({ target }) => {
    go("product", { ...lists(params), by: target.checked ? "type" : null });
  };
  return h(
    "div",
    { class: "toolbar" },
    h("p", { class: "result-count" }, countWords(answers)),
    h("label", { class: "grouping" }, h("input", { type: "checkbox", checked: byType(params), "data-keep": "by type", on: { change: regroup } }), "Group by type"),
    exportButtons(answers, id, tab),
  );
}

/** Whether this key may edit, and the rule for a product that is not in the list. */
function permission(facts, self, { market, again }) {
  if (!facts.may_edit) return h("p", { class: "hint permission" }, "Read-only: ", said(facts.edit_refusal, 200), ".");
  const finder = combobox({
    label: "Product to pin",
    onPick: (target, input) => {
      input.value = "";
      openRule({ action: "pin", source: self, target, market, again });
    },
  });
  return h("details", { class: "panel" }, h("summary", {}, "Pin another product"), h("div", { class: "pin-other" }, finder.element));
}

const differences = (changed) => changed && (changed.entered.size > 0 || changed.left.length > 0 || changed.moved > 0) && h(
  "section",
  { class: "note", "aria-label": "Changes since the last build" },
  h("p", {}, "Since the build that you last saw: ", [
    changed.entered.size && `${many(changed.entered.size, "new recommendation")}`,
    changed.left.length && `${changed.left.length} removed`,
    changed.moved && `${changed.moved} at a different rank`,
  ].filter(Boolean).join(", "), "."),
  changed.left.length > 0 && h("p", {}, "Removed: ", changed.left.slice(0, 10).map((name, i) => [i > 0 && ", ", said(name, 80)])),
);

/** Pins, bans and filters that were not applied. */
const skipped = (answer) => answer.skipped?.length > 0 && h(
  "section",
  { class: "note", "aria-label": "Not applied" },
  h("p", {}, "Not applied:"),
  h("ul", {}, answer.skipped.slice(0, 20).map((one) => h("li", {}, clean(one.what, 20), " ", said(one.value, 120), ": ", said(one.reason, 300)))),
);

const ruled = (answer) => answer.rules?.length > 0 && h(
  "p",
  { class: "ruled" },
  "Changed by rules: ",
  answer.rules.slice(0, 20).map((id, i) => [i > 0 && ", ", h("a", { href: to("rules", { id }) }, said(id, 80))]),
);

function header(self, attributes, facts) {
  const id = self.product_id;
  const rows = Object.entries(attributes)
    .filter(([name, given]) => name !== "title" && given !== null && given !== "" && !(Array.isArray(given) && !given.length))
    .map(([name, given]) => [
      h("dt", {}, said(name.replaceAll("_", " "), 60)),
      h("dd", {}, said(name === "price" && typeof given === "number" ? price(given) : value(given), 400)),
    ]);
  const tile = picture(self.type, 96);
  const away = ["sold out", "hidden"].includes(stockWords(attributes)) && h("span", { class: "mark gone" }, stockWords(attributes));
  const element = h(
    "section",
    { class: "product", "aria-label": "Product" },
    tile,
    h(
      "div",
      {},
      h("h1", {}, said(nameOf(self))),
      away,
      h("dl", { class: "attributes" }, h("dt", {}, "id"), h("dd", {}, said(id, 120)), rows.slice(0, FIRST)),
      rows.length > FIRST && h("details", {}, h("summary", {}, "More attributes"), h("dl", { class: "attributes" }, rows.slice(FIRST, 80))),
      h(
        "p",
        { class: "does" },
        basketButton(self),
        h("a", { class: "quiet", href: to("map", { id }) }, "Related products"),
        h("a", { class: "quiet", href: to("models", { id }) }, "Compare models"),
        h("a", { class: "quiet", href: to("compare", { source: id }) }, "Compare products"),
        h("a", { class: "quiet", href: to("new", { like: id }) }, "Try a new product"),
      ),
    ),
  );
  showPhoto(tile, attributes, facts);
  return element;
}

function tabs(id, now) {
  return h(
    "nav",
    { class: "tabs", "aria-label": "Relations" },
    Object.entries(TABS).map(([name, { label, relation }]) =>
      h(
        "a",
        {
          href: to("product", { id, tab: name === "complements" ? null : name }),
          class: relation,
          "data-keep": `tab ${name}`,
          "aria-current": name === now && "page",
        },
        label,
      ),
    ),
  );
}
