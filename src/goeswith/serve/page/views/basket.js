// A basket to fill, and what goes with the whole of it.
import * as api from "../api.js";
import { groups, link } from "../cards.js";
import { h, said } from "../dom.js";
import { filterPanel, slateOf } from "../filters.js";
import { picture } from "../picture.js";
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
        h("p", {}, "Put products into it from any list, and see here what goes with all of them together. ", h("a", { href: "#/" }, "Find a product")),
      ],
    };
  }
  const slate = slateOf(params);
  slate.k ||= Math.min(24, facts.k);
  const ids = products.map((p) => p.product_id);
  const answer = await api.basket(ids, slate, signal).catch((error) => error);
  if (answer.name === "AbortError" || answer.status === 401) throw answer;
  const failed = answer instanceof Error;
  const answers = failed ? [] : answer.complements;
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
        "ul",
        { class: "basket" },
        products.map((p) =>
          h(
            "li",
            {},
            picture(p.type, 36),
            link(p, 80),
            h("button", { type: "button", class: "quiet", "aria-label": `Take out ${nameOf(p, 60)}`, on: { click: () => without(p.product_id) } }, "×"),
          ),
        ),
      ),
      h("p", { class: "does" }, h("button", { type: "button", class: "quiet", on: { click: () => { store.empty(); again(); } } }, "Empty it")),
      h("h2", {}, "Goes with all of it"),
      filterPanel("basket", params, facts),
      failed
        ? h("p", { class: "problem" }, said(answer.message, 1000))
        : answers.length
          ? groups(answers, { facts, source: null })
          : h("p", { class: "nothing" }, "Nothing is known to go with these together, or the filters leave nothing."),
    ],
  };
}
