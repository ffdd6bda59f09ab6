// A product: what it is, what goes with it, what stands for it, what it goes with.
import * as api from "../api.js";
import { basketButton, groups } from "../cards.js";
import { h, said } from "../dom.js";
import { filterPanel, slateOf } from "../filters.js";
import { picture } from "../picture.js";
import { to } from "../routes.js";
import { nameOf, price, value } from "../text.js";
import { countWords, TABS } from "../words.js";

const ACCEPTS = { complements: ["where", "per_type", "diversity", "k"], similars: ["where", "k"], reverse: ["k"] };
const FIRST = 8;

export async function product({ params, facts, signal }) {
  const id = params.get("id") ?? "";
  const tab = Object.hasOwn(TABS, params.get("tab") ?? "") ? params.get("tab") : "complements";
  const slate = slateOf(params);
  const asked = Object.fromEntries(ACCEPTS[tab].map((name) => [name, slate[name]]));
  asked.k ||= Math.min(24, facts.k);
  const [{ attributes }, answer] = await Promise.all([
    api.product(id),
    api.related(id, tab, asked, signal).catch((error) => error),
  ]);
  if (answer.name === "AbortError") throw answer;
  const self = { product_id: id, title: attributes.title, type: attributes.type };
  const answers = answer instanceof Error ? [] : answer[TABS[tab].field];
  const body = [header(self, attributes), tabs(id, tab)];
  body.push(filterPanel("product", params, facts, ACCEPTS[tab]));
  if (answer instanceof Error) body.push(h("p", { class: "problem" }, said(answer.message, 1000)));
  else if (answers.length) body.push(h("p", { class: "told-count" }, countWords(answers)), groups(answers, { facts, source: id }));
  else body.push(h("p", { class: "nothing" }, NOTHING[tab]));
  const told = answers.length ? `${TABS[tab].label}: ${countWords(answers)}` : NOTHING[tab];
  return { title: nameOf(self, 60), said: answer instanceof Error ? answer.message : told, body };
}

const NOTHING = {
  complements: "No recommendations, or none that match the filters.",
  similars: "No alternatives, or none that match the filters.",
  reverse: "Not recommended for any product.",
};

function header(self, attributes) {
  const id = self.product_id;
  const rows = Object.entries(attributes)
    .filter(([name, given]) => name !== "title" && given !== null && given !== "" && !(Array.isArray(given) && !given.length))
    .map(([name, given]) => [
      h("dt", {}, said(name.replaceAll("_", " "), 60)),
      h("dd", {}, said(name === "price" && typeof given === "number" ? price(given) : value(given), 400)),
    ]);
  return h(
    "section",
    { class: "product", "aria-label": "Product" },
    picture(self.type, 96),
    h(
      "div",
      {},
      h("h1", {}, said(nameOf(self))),
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
