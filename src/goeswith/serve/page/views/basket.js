// A basket to fill, and what goes with all of it.
import * as api from "../api.js";
import { link, ordered as inOrder } from "../cards.js";
import { h, said } from "../dom.js";
import { exportButtons } from "../exporting.js";
import { filterPanel, slateOf } from "../filters.js";
import { picture } from "../picture.js";
import { go } from "../routes.js";
import * as store from "../store.js";
import { many, nameOf } from "../text.js";
import { countWords } from "../words.js";

export async function basket({ params, facts, signal, again }) {
  const products = store.inBasket();
  if (!products.length) {
    return {
      title: "Basket",
      said: "The basket is empty",
      body: [
        h("h1", {}, "The basket is empty"),
        h("p", {}, "Add products from any list to get recommendations for all of them together. ", h("a", { href: "#/" }, "Search products")),
      ],
    };
  }
  const slate = slateOf(params);
  slate.k ||= Math.min(24, facts.k);
  const ids = products.map((p) => p.product_id);
  const ordered = Boolean(facts.session_model) && params.get("order") === "1";
  const answer = await (ordered ? api.session : api.basket)(ids, slate, signal).catch((error) => error);
  if (answer.name === "AbortError" || answer.status === 401) throw answer;
  const failed = answer instanceof Error;
  const answers = failed ? [] : ordered ? answer.next : answer.complements;
  const reorder = ({ target }) => {
    const next = Object.fromEntries([...params.keys()].map((name) => [name, params.getAll(name)]));
    go("basket", { ...next, order: target.checked ? "1" : null });
  };
  const without = (id) => {
    store.remove(id);
    again();
  };
  return {
    title: "Basket",
    said: failed ? answer.message : `${many(products.length, "product")} in the basket; ${countWords(answers)}`,
    body: [
      h("h1", {}, `Basket of ${many(products.length, "product")}`),
      h(
        ordered ? "ol" : "ul",
        { class: "basket" },
        products.map((p) =>
          h(
            "li",
            {},
            picture(p.type, 36),
            link(p, 80),
            h("button", { type: "button", class: "quiet", "aria-label": `Remove ${nameOf(p, 60)}`, on: { click: () => without(p.product_id) } }, "×"),
          ),
        ),
      ),
      h("p", { class: "does" }, h("button", { type: "button", class: "quiet", on: { click: () => { store.empty(); again(); } } }, "Empty basket")),
      facts.session_model && h(
        "p",
        { class: "switch" },
        h("label", {}, h("input", { type: "checkbox", checked: ordered, "data-keep": "order", on: { change: reorder } }), " Use as a session, oldest product first"),
        h("span", { class: "hint" }, "Recommends the next product; the last product of the list counts most"),
      ),
      h("h2", {}, ordered ? "Next product in the session" : "Recommended with this basket"),
      filterPanel("basket", params, facts),
      failed
        ? h("p", { class: "problem" }, said(answer.message, 1000))
        : answers.length
          ? [h("div", { class: "toolbar" }, h("p", { class: "result-count" }, countWords(answers)), exportButtons(answers, "basket", ordered ? "next" : "complements")), inOrder(answers, { facts, source: null, market: slate.market ?? facts.market ?? "", again })]
          : h("p", { class: "nothing" }, "No recommendations. Remove a filter or a product."),
    ],
  };
}
