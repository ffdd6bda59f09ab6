// What a search found.
import * as api from "../api.js";
import { brief, link } from "../cards.js";
import { h, said } from "../dom.js";
import { picture } from "../picture.js";
import { clean, many } from "../text.js";
import { start } from "./start.js";

export const entry = (product, ...more) =>
  h(
    "li",
    { class: "entry" },
    picture(product.type, 44),
    h("div", {}, h("p", {}, link(product)), h("p", { class: "brief" }, brief(product)), more),
  );

export async function search({ params, facts, signal }) {
  const q = params.get("q");
  return q ? results(q, signal) : start({ facts });
}

async function results(q, signal) {
  const { products } = await api.search(q, 50, signal);
  const heading = products.length ? `${many(products.length, "product")} for “${clean(q, 60)}”` : `No products for “${clean(q, 60)}”`;
  return {
    title: `Search: ${clean(q, 60)}`,
    said: heading,
    body: [
      h("h1", {}, said(heading)),
      products.length
        ? h("ul", { class: "entries" }, products.map((product) => entry(product)))
        : h("p", {}, "Try fewer letters, another word, or the product id. ", h("a", { href: "#/" }, "Best sellers")),
    ],
  };
}
