// One product, two of the bundle's models asked alone: what they have in common is marked.
import * as api from "../api.js";
import { card } from "../cards.js";
import { combobox } from "../combobox.js";
import { h, said } from "../dom.js";
import { field } from "../filters.js";
import { go, to } from "../routes.js";
import { clean, count, many, nameOf } from "../text.js";

export async function models({ params, facts, signal }) {
  const id = params.get("id");
  const names = facts.models;
  const chosen = ["a", "b"].map((side, i) => (names.includes(params.get(side)) ? params.get(side) : names[Math.min(i, names.length - 1)]));
  const known = id ? (await api.product(id)).attributes : null;
  const self = known && { product_id: id, title: known.title, type: known.type };
  const set = (more) => go("models", { id, a: chosen[0], b: chosen[1], ...more });
  const pick = combobox({ label: "Product", value: self ? nameOf(self, 100) : "", keep: "product", onPick: (p) => set({ id: p.product_id }) });
  const selects = chosen.map((name, i) =>
    field(
      `Model ${"AB"[i]}`,
      h(
        "select",
        { "data-keep": `model ${i}`, on: { change: (event) => set({ [i ? "b" : "a"]: event.target.value }) } },
        names.map((n) => h("option", { value: n, selected: n === name }, clean(n, 60))),
      ),
    ),
  );
  const body = [
    h("h1", {}, "Compare models"),
    h("div", { class: "fields" }, h("div", { class: "field wide" }, h("span", { class: "label" }, "Product"), pick.element), selects),
  ];
  if (!id) {
    body.push(h("p", { class: "nothing" }, "Choose a product to see the recommendations of each model without fallback models. Shared recommendations are marked."));
    return { title: "Compare models", body };
  }
  const k = Math.min(10, facts.k);
  const lists = await Promise.all(
    chosen.map((model) => api.related(id, "complements", { model, k }, signal).then((a) => a.complements, (error) => error)),
  );
  const stopped = lists.find((l) => l.name === "AbortError" || l.status === 401);
  if (stopped) throw stopped;
  const places = lists.map((list) => new Map(list instanceof Error ? [] : list.map((a, i) => [a.product_id, i + 1])));
  const common = [...places[0].keys()].filter((one) => places[1].has(one)).length;
  const heading = `${many(common, "recommendation")} in common`;
  body.push(
    h("p", { class: "lead" }, h("a", { href: to("product", { id }) }, said(nameOf(self, 100))), `: ${count(common)} of ${k} recommendations in common`),
    h(
      "div",
      { class: "sides" },
      lists.map((list, side) =>
        h(
          "section",
          { "aria-label": `Model ${"AB"[side]}` },
          h("h2", {}, h("span", { class: "side" }, "AB"[side]), said(chosen[side], 80)),
          list instanceof Error
            ? h("p", { class: "problem" }, said(list.message, 400))
            : list.length
              ? list.map((a, i) => {
                  const other = places[1 - side].get(a.product_id);
                  const mark = other && h("span", { class: "mark both" }, `also in ${"BA"[side]}, rank ${other}`);
                  return card(a, i + 1, { facts, source: self, mark });
                })
              : h("p", { class: "nothing" }, "This model has no recommendations for the product."),
        ),
      ),
    ),
  );
  return { title: `Compare models: ${nameOf(self, 60)}`, said: heading, body };
}
