// A message at the foot of the page, with one thing to do about it.
import { announce, h } from "./dom.js";

const SHOWN = 15_000;
let timer = 0;

/**
 * @param text what happened.
 * @param action `{ label, run }`, such as undo; run may return a text that replaces the message.
 */
export function toast(text, action) {
  clearTimeout(timer);
  const place = document.getElementById("toast");
  const close = () => { place.replaceChildren(); };
  const run = async ({ currentTarget }) => {
    currentTarget.disabled = true;
    clearTimeout(timer);
    try {
      toast((await action.run()) ?? "Done");
    } catch (error) {
      toast(error.message);
    }
  };
  place.replaceChildren(h(
    "div",
    { class: "toast" },
    h("p", {}, text),
    action && h("button", { type: "button", on: { click: run } }, action.label),
    h("button", { type: "button", class: "quiet", "aria-label": "Close message", on: { click: close } }, "×"),
  ));
  announce(text);
  // with the keyboard inside, it stays until it is closed
  const end = () => { if (place.contains(document.activeElement)) timer = setTimeout(end, SHOWN); else close(); };
  timer = setTimeout(end, SHOWN);
}
