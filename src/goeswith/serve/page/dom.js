// Elements are built, never parsed: what comes from data can only become text.
import { clean } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, react] of Object.entries(value)) element.addEventListener(event, react);
    } else if (name === "vars") {
      // through the object model: a policy without inline styles allows it
      for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    } else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** An HTML element: `h("a", { href, class, on: { click } }, child, "text")`. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Text of a shop: bounded, without characters that act, its direction kept to itself. */
export function said(text, most) {
  return h("bdi", { dir: "auto", class: "data" }, clean(text, most));
}

/** A model with its settings, which a narrow column may break behind `:`, `,`, `=` and `_`. */
export const modelName = (text) =>
  h("bdi", { dir: "auto", class: "model" }, clean(text, 120).split(/(?<=[:,_=])/).map((part, i) => [i > 0 && h("wbr"), part]));

/** What is said to those who hear the page. */
export function announce(text) {
  document.getElementById("said").textContent = text;
}

/** A short unique id, for labels. */
let made = 0;
export const uid = (name) => `${name}-${(made += 1)}`;
