// Where one begins: what is in the catalogue, examples, and what a search found.
import * as api from "../api.js";
import { brief, link } from "../cards.js";
import { h, said } from "../dom.js";
import { hue, picture } from "../picture.js";
import { to } from "../routes.js";
import { clean, count, many } from "../text.js";

const EXAMPLES = 8;

const entry = (product) =>
  h(
    "li",
    { class: "entry" },
    picture(product.type, 44),
    h("div", {}, h("p", {}, link(product)), h("p", { class: "brief" }, brief(product))),
  );

/** The products bought most where a model says so, else one of each of the largest types. */
async function examples(facts, signal) {
  const largest = facts.types.slice(0, EXAMPLES);
  if (!largest.length) return [];
  const ofTypes = await Promise.all(largest.map(({ type }) => api.search(type, 1, signal).catch(() => ({ products: [] }))));
  const found = ofTypes.flatMap(({ products }) => products);
  const popular = facts.models.find((name) => name.split(":")[0] === "popularity");
  if (popular && found.length) {
    const best = await api
      .related(found[0].product_id, "complements", { model: popular, k: Math.min(EXAMPLES, facts.k) }, signal)
      .catch(() => ({ complements: [] }));
    if (best.complements.length) return best.complements;
  }
  return [...new Map(found.map((p) => [p.product_id, p])).values()];
}

export async function search({ params, facts, signal }) {
  const q = params.get("q");
  return q ? results(q, signal) : start(facts, signal);
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
        ? h("ul", { class: "entries" }, products.map(entry))
        : h("p", {}, "Try fewer letters, another word, or the product id. ", h("a", { href: "#/" }, "Show examples")),
    ],
  };
}

async function start(facts, signal) {
  const shown = await examples(facts, signal);
  return {
    title: "goeswith",
    body: [
      h("h1", { class: "hero" }, "Complementary products"),
      h(
        "p",
        { class: "lead" },
        "Search for a product to see what is recommended with it, and the evidence. Data set: ",
        said(facts.data, 60),
        `, ${many(facts.products, "product")}`,
        facts.types.length > 0 && `, ${facts.types.length >= 200 ? "more than " : ""}${many(facts.types.length, "product type")}`,
        ".",
      ),
      shown.length > 0 && [h("h2", {}, "Examples"), h("ul", { class: "entries" }, shown.map(entry))],
      facts.types.length > 0 && [
        h("h2", {}, "Product types"),
        h(
          "ul",
          { class: "types" },
          facts.types.slice(0, 24).map(({ type, products }) =>
            h("li", { vars: { "--hue": hue(type) } }, h("a", { href: to("search", { q: type }) }, said(type, 60), h("span", { class: "count" }, count(products)))),
          ),
        ),
      ],
    ],
  };
}
