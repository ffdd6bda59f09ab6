// An answer as a card; answers in their order, or grouped by type.
import * as api from "./api.js";
import { announce, h, said, uid } from "./dom.js";
import { editPanel } from "./edit_card.js";
import { hue, picture, showPhoto } from "./picture.js";
import { to } from "./routes.js";
import * as store from "./store.js";
import { clean, count, nameOf, number, price } from "./text.js";
import { sureness } from "./words.js";

/** A link to a product, by its name. */
export const link = (product, most) =>
  h("a", { href: to("product", { id: product.product_id }), class: "name" }, said(nameOf(product, most)));

/** A bar and its text; the text says all, the bar is for the eye. */
export function bar(sure) {
  if (!sure) return null;
  return h(
    "p",
    { class: "sure" },
    h("span", { class: "bar", "aria-hidden": "true" }, h("span", { class: "fill", vars: { "--share": sure.share } })),
    h("span", { title: sure.means }, sure.text),
  );
}

/** Puts a product into the basket and takes it out again. */
export function basketButton(product, words = ["Add to basket", "In basket"]) {
  const name = nameOf(product, 60);
  const button = h("button", { type: "button", class: "add", "data-keep": `basket ${product.product_id}` });
  const draw = () => {
    const inside = store.has(product.product_id);
    button.classList.toggle("inside", inside);
    button.setAttribute("aria-label", `${words[Number(inside)]}: ${name}`);
    button.replaceChildren(words[Number(inside)]);
  };
  button.addEventListener("click", () => {
    if (store.has(product.product_id)) {
      store.remove(product.product_id);
      announce(`${name} removed from the basket`);
    } else if (store.inBasket().length >= store.MOST) {
      announce(`The basket is full: ${store.MOST} products`);
    } else {
      store.add(product);
      announce(`${name} added to the basket`);
    }
    draw();
  });
  draw();
  return button;
}

// the catalogue's facts of a card: fetched when it comes into view
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    target.fetchFacts();
  }
}, { rootMargin: "500px" });

/** What is in stock, in words; empty where the catalogue does not say. */
export function stockWords({ stock, in_stock: inStock, visible }) {
  if (visible === false) return "hidden";
  if (typeof stock === "number") return stock > 0 ? `${count(stock)} in stock` : "sold out";
  return inStock === false ? "sold out" : inStock === true ? "in stock" : "";
}

/** What is known of a product in a line: type, brand, price, size, stock, id. */
export function brief(product) {
  const parts = [];
  const add = (text, kind) => text && parts.push(h("span", { class: kind }, text));
  add(product.type && said(product.type, 60));
  add(product.brand && said(product.brand, 60));
  const cost = product.price;
  if (typeof cost === "number" || (typeof cost === "string" && cost.trim() && !Number.isNaN(Number(cost)))) {
    const currency = typeof product.currency === "string" ? ` ${clean(product.currency, 8)}` : "";
    add(`${price(Number(cost))}${currency}`, "price");
  }
  for (const unit of ["size", "unit"]) add(["string", "number"].includes(typeof product[unit]) && said(product[unit], 40));
  const stock = stockWords(product);
  add(stock, ["sold out", "hidden"].includes(stock) ? "gone" : "stock");
  add(product.product_id && said(product.product_id, 60), "id");
  return parts;
}

/** The tile of a product and its line of facts; both are completed when they come into view. */
function late(answer, facts) {
  const tile = picture(answer.type);
  const line = h("p", { class: "brief" }, brief({ product_id: answer.product_id }));
  line.fetchFacts = () => api.product(answer.product_id).then(
    ({ attributes }) => {
      line.replaceChildren(...brief({ ...attributes, product_id: answer.product_id, type: null }));
      showPhoto(tile, attributes, facts);
    },
    () => {}, // the id stands there already
  );
  watcher.observe(line);
  return [tile, line];
}

/** The sentence of an answer: for a session what followed, else the evidence. */
const sentence = (answer) => h("p", { class: "why" }, said(answer.why, 400));

/**
 * One answer.
 *
 * @param context `{ facts, source, labels, market, again, entered }`; source is the queried product,
 *   null for a basket or a new one; `again` shows the view anew, and is missing where nothing is
 *   edited; `entered` are the ids that are new in the list.
 */
export function card(answer, place, context) {
  const { facts, source, mark, entered } = context;
  const [tile, line] = late(answer, facts);
  const ruled = answer.rules ?? [];
  return h(
    "article",
    { class: mark ? "card common" : "card" },
    tile,
    h(
      "div",
      { class: "details" },
      h("h4", {}, h("span", { class: "place", "aria-hidden": "true" }, place), link(answer)),
      line,
      sentence(answer),
      bar(sureness(answer)),
      h(
        "p",
        { class: "marks" },
        mark,
        entered?.has(answer.product_id) && h("span", { class: "mark new" }, "new since the last build"),
        answer.fallback && h("span", { class: "mark", title: `Model ${clean(answer.model, 60)}, score ${number(answer.score)}` }, "fallback model: ", said(answer.model.split(":")[0], 40)),
        answer.more_variants > 0 && h("span", { class: "mark" }, `+${answer.more_variants} ${answer.more_variants === 1 ? "variant" : "variants"}`),
        answer.pinned && h("span", { class: "mark" }, "pinned"),
        ruled.map((id) => h("a", { class: "mark", href: to("rules", { id }) }, "rule ", said(id, 60))),
        answer.proposed_by && answer.relation === "similar" && h("span", { class: "mark" }, "alternative to a product of the session"),
        answer.goes_with.length > 1 && h("span", { class: "mark" }, `recommended for ${count(answer.goes_with.length)} products`),
      ),
      answer.explanation && h("details", { class: "shopper" }, h("summary", {}, "Explanation for shoppers"), h("p", { class: "explanation" }, said(answer.explanation, 400))),
      h(
        "p",
        { class: "does" },
        basketButton(answer),
        source && h("a", { href: to("compare", { source: source.product_id, target: answer.product_id }), "aria-label": `Compare with ${nameOf(answer, 60)}` }, "Compare"),
      ),
      editPanel(answer, place, context),
    ),
  );
}

/** Answers in the order that a shopper sees. */
export const ordered = (answers, context) =>
  h("ol", { class: "cards ordered" }, answers.map((answer, i) => h("li", {}, card(answer, i + 1, context))));

/** Answers under their types, in the order in which the types first come. */
export function groups(answers, context) {
  const byType = new Map();
  answers.forEach((answer, i) => {
    const type = answer.type ?? "";
    byType.set(type, [...(byType.get(type) ?? []), card(answer, i + 1, context)]);
  });
  return h(
    "div",
    { class: "groups" },
    [...byType].map(([type, cards]) => {
      const id = uid("type");
      return h(
        "section",
        { class: { 2: "group pair", 4: "group four" }[cards.length] ?? "group", "aria-labelledby": id, vars: { "--cards": cards.length } },
        h(
          "h3",
          { id, vars: { "--hue": hue(type) } },
          type ? said(type, 80) : "No product type",
          h("span", { class: "count" }, count(cards.length), h("span", { class: "unseen" }, cards.length === 1 ? " recommendation" : " recommendations")),
        ),
        h("div", { class: "cards" }, cards),
      );
    }),
  );
}
