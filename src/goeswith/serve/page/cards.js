// An answer as a card, and answers grouped by type.
import * as api from "./api.js";
import { announce, h, said, uid } from "./dom.js";
import { hue, picture } from "./picture.js";
import { to } from "./routes.js";
import * as store from "./store.js";
import { clean, count, nameOf, number, price } from "./text.js";
import { BASIS, nextLabel, sureness } from "./words.js";

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

// brand and price are the catalogue's: asked for when a card comes into view
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    api.product(target.dataset.id).then(
      ({ attributes }) => target.replaceChildren(...brief({ ...attributes, type: null })),
      () => target.remove(),
    );
  }
}, { rootMargin: "500px" });

/** What is known of a product in a line: type, brand, price. */
export function brief(product) {
  const parts = [];
  if (product.type) parts.push(h("span", {}, said(product.type, 60)));
  if (product.brand) parts.push(h("span", {}, said(product.brand, 60)));
  const cost = product.price;
  if (typeof cost === "number" || (typeof cost === "string" && cost.trim() && !Number.isNaN(Number(cost)))) {
    parts.push(h("span", { class: "price" }, price(Number(cost))));
  }
  return parts;
}

function lateBrief(id, facts) {
  const asks = facts.filters.some(({ column }) => column === "price" || column === "brand");
  if (!asks) return null;
  const line = h("p", { class: "brief", "data-id": id }, h("span", { class: "waits" }, "\u00a0"));
  watcher.observe(line);
  return line;
}

/**
 * One answer.
 *
 * @param context `{ facts, source }`; source is the id asked about, null for a basket or a new one.
 */
export function card(answer, place, { facts, source, mark }) {
  const sure = sureness(answer);
  const score = `${clean(answer.model, 60)}, score ${number(answer.score)}`;
  return h(
    "article",
    { class: mark ? "card common" : "card" },
    picture(answer.type),
    h(
      "div",
      { class: "told" },
      h("h4", {}, h("span", { class: "place", "aria-hidden": "true" }, place), link(answer)),
      lateBrief(answer.product_id, facts),
      h("p", { class: "evidence" }, answer.proposed_by ? nextLabel(answer) : BASIS[answer.evidence.basis]),
      bar(sure),
      answer.explanation && h("p", { class: "explanation" }, said(answer.explanation, 400)),
      h("p", { class: "why" }, said(answer.why, 400)),
      h(
        "p",
        { class: "marks" },
        mark,
        answer.fallback && h("span", { class: "mark", title: score }, "fallback model: ", said(answer.model.split(":")[0], 40)),
        answer.more_variants > 0 && h("span", { class: "mark" }, `+${answer.more_variants} ${answer.more_variants === 1 ? "variant" : "variants"}`),
        answer.pinned && h("span", { class: "mark" }, "pinned"),
        answer.proposed_by && answer.relation === "similar" && h("span", { class: "mark" }, "alternative to a product of the session"),
        answer.goes_with.length > 1 && h("span", { class: "mark" }, `recommended for ${count(answer.goes_with.length)} products`),
      ),
      h(
        "p",
        { class: "does" },
        basketButton(answer),
        source && h("a", { href: to("compare", { source, target: answer.product_id }), "aria-label": `Compare with ${nameOf(answer, 60)}` }, "Compare"),
      ),
    ),
  );
}

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
