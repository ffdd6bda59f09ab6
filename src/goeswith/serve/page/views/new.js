// A product that the catalogue does not hold yet: its attributes in, what goes with it out.
import * as api from "../api.js";
import { ordered } from "../cards.js";
import { announce, h, said, uid } from "../dom.js";
import { field } from "../filters.js";
import { clean } from "../text.js";
import { countWords } from "../words.js";

const FIRST = ["title", "type", "brand", "price", "categories", "description"];
const SHOWN = 12;

export async function fresh({ params, facts }) {
  const like = params.get("like");
  const given = like ? (await api.product(like)).attributes : {};
  const place = ({ column }) => (FIRST.indexOf(column) + FIRST.length + 1) % (FIRST.length + 1);
  const columns = facts.filters.filter(({ column }) => column !== "product_id").sort((a, b) => place(a) - place(b));
  const controls = columns.map(({ column, kind }) => ({ column, kind, ...control(column, kind, given[column], facts) }));
  const answer = h("section", { "aria-label": "Recommendations", class: "answer" });
  let asking = new AbortController();
  const submit = async (event) => {
    event.preventDefault();
    asking.abort();
    asking = new AbortController();
    const attributes = {};
    for (const { column, kind, input } of controls) {
      const text = input.value.trim();
      if (text) attributes[column] = read(text, kind);
    }
    if (!Object.keys(attributes).length) {
      answer.replaceChildren(h("p", { class: "problem" }, "Enter at least one attribute."));
      return announce("Enter at least one attribute");
    }
    answer.setAttribute("aria-busy", "true");
    try {
      const { complements } = await api.ofNew(attributes, { k: Math.min(24, facts.k) }, asking.signal);
      answer.replaceChildren(
        h("h2", {}, complements.length ? `Recommended with it: ${countWords(complements)}` : "No recommendations"),
        ordered(complements, { facts, source: null }),
      );
      announce(complements.length ? `Recommended with it: ${countWords(complements)}` : "No recommendations");
    } catch (error) {
      if (error.name === "AbortError") return;
      answer.replaceChildren(h("p", { class: "problem" }, said(error.message, 1000)));
      announce(error.message);
    }
    answer.removeAttribute("aria-busy");
  };
  const fields = controls.map(({ element }) => element);
  return {
    title: "New product",
    body: [
      h("h1", {}, "Try a new product"),
      h("p", { class: "lead" }, "Enter the attributes of a product that the catalogue does not have. The product is not stored."),
      h(
        "form",
        { class: "attributes-form", on: { submit } },
        h("div", { class: "fields" }, fields.slice(0, SHOWN)),
        fields.length > SHOWN && h("details", {}, h("summary", {}, "More attributes"), h("div", { class: "fields" }, fields.slice(SHOWN, 120))),
        h("p", { class: "does" }, h("button", { type: "submit" }, "Recommend")),
      ),
      answer,
    ],
  };
}

function control(column, kind, given, facts) {
  const label = clean(column.replaceAll("_", " "), 60);
  const text = Array.isArray(given) ? given.join(", ") : given;
  const value = text === undefined || text === null ? "" : clean(text, 2000);
  if (kind === "boolean") {
    const input = h("select", {}, ["", "yes", "no"].map((word) => h("option", { value: word, selected: (word === "yes") === given && word !== "" }, word || "not set")));
    return { input, element: field(label, input) };
  }
  const input = column === "description" ? h("textarea", { rows: 3, maxlength: 20000, value }) : h("input", { type: "text", maxlength: 2000, value });
  if (kind === "number") input.setAttribute("inputmode", "decimal");
  const element = field(label, input, { list: "separated by commas", time: "a date, such as 2024-01-31", number: "a number" }[kind]);
  if (column === "type") {
    const id = uid("types");
    input.setAttribute("list", id);
    element.append(h("datalist", { id }, facts.types.map(({ type }) => h("option", { value: clean(type, 200) }))));
  }
  return { input, element };
}

/** What the service is sent; a number that is none goes as text, so that it says what is wrong. */
function read(text, kind) {
  if (kind === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
  if (kind === "boolean") return text === "yes";
  if (kind !== "number") return text;
  const number = Number(text.replace(",", "."));
  return Number.isFinite(number) ? number : text;
}
