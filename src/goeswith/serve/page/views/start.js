// Where one begins: best sellers, the health of the recommendations, and what is in the catalogue.
import * as api from "../api.js";
import { h, said } from "../dom.js";
import { hue } from "../picture.js";
import { to } from "../routes.js";
import { count, many } from "../text.js";
import { issueWords, notices, shareTiles } from "./health.js";
import { entry } from "./search.js";

const SHOWN = 8;

export async function start({ facts }) {
  const [{ products: best }, health] = await Promise.all([api.bestSellers(SHOWN), api.health()]);
  const weak = health.weak_products.slice(0, SHOWN);
  return {
    title: "goeswith",
    body: [
      h("h1", {}, "Recommendations for ", said(facts.data, 60)),
      h(
        "p",
        { class: "lead" },
        many(facts.products, "product"),
        facts.types.length > 0 && `, ${facts.types.length >= 200 ? "more than " : ""}${many(facts.types.length, "product type")}`,
        ". Search for a product to see what is recommended with it, and the evidence.",
      ),
      h(
        "section",
        { "aria-labelledby": "health-heading" },
        h("h2", { id: "health-heading" }, "Health"),
        shareTiles(health),
        notices(health, 3),
        h("p", { class: "does" }, h("a", { class: "quiet", href: to("health") }, "All figures and changes")),
      ),
      weak.length > 0 && h(
        "section",
        { "aria-labelledby": "weak-heading" },
        h("h2", { id: "weak-heading" }, "Products with issues"),
        h("p", { class: "hint" }, "Best-selling products whose recommendations are few or have little evidence."),
        h("ul", { class: "entries" }, weak.map((product) => entry(product, h("p", { class: "marks" }, product.issues.map((issue) => h("span", { class: "mark" }, issueWords(issue))))))),
      ),
      best.length > 0 && h(
        "section",
        { "aria-labelledby": "best-heading" },
        h("h2", { id: "best-heading" }, "Best sellers"),
        h("ul", { class: "entries" }, best.map((product) => entry(product, h("p", { class: "hint" }, facts.counted ? `bought ${product.purchases === 1 ? "once" : `${count(product.purchases)} times`}` : `in ${many(product.purchases, "list")}`)))),
      ),
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
