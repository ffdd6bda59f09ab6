// Type a few letters, choose a product: the combobox with a list of the ARIA Authoring Practices.
import * as api from "./api.js";
import { announce, h, said, uid } from "./dom.js";
import { picture } from "./picture.js";
import { many, nameOf } from "./text.js";
import { brief } from "./cards.js";

const WAITS = 140;

/**
 * @param label what is looked for, said and seen as a placeholder.
 * @param onPick called with the product chosen.
 * @param onEnter called with the text, where Enter is pressed on no product of the list.
 */
export function combobox({ label, onPick, onEnter, value = "", hint, keep }) {
  const listId = uid("found");
  const input = h("input", {
    id: uid("find"),
    type: "text",
    role: "combobox",
    "aria-label": label,
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": listId,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    maxlength: 200,
    enterkeyhint: "search",
    placeholder: hint ?? label,
    "data-keep": keep,
    value,
  });
  const list = h("ul", { id: listId, role: "listbox", "aria-label": `${label}: results`, hidden: true });
  const message = h("p", { class: "nothing", hidden: true });
  let found = [];
  let active = -1;
  let timer = 0;
  let asking = null;

  const close = () => {
    clearTimeout(timer);
    asking?.abort();
    active = -1;
    list.hidden = message.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    const product = found[place];
    close();
    onPick(product, input);
  };
  const mark = (place) => {
    active = place;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === place)));
    if (place < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place].scrollIntoView({ block: "nearest" });
  };
  const show = () => {
    list.replaceChildren(
      ...found.map((product, i) =>
        h(
          "li",
          {
            id: `${listId}-${i}`,
            role: "option",
            "aria-selected": "false",
            on: { mousedown: (event) => event.preventDefault(), click: () => choose(i) },
          },
          picture(product.type, 32),
          h("span", { class: "name" }, said(nameOf(product))),
          h("span", { class: "brief" }, brief(product)),
        ),
      ),
    );
    active = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
  };
  const look = async () => {
    const text = input.value.trim();
    asking?.abort();
    if (!text) return close();
    asking = new AbortController();
    try {
      const answer = await api.search(text, 8, asking.signal);
      found = answer.products;
      message.hidden = found.length > 0;
      message.textContent = "No products found.";
      show();
      announce(found.length ? `${many(found.length, "product")} found` : "No products found");
    } catch (error) {
      if (error.name === "AbortError") return;
      found = [];
      show();
      message.hidden = false;
      message.textContent = error.message;
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAITS);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const open = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return look();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(active < 0 && step < 0 ? found.length - 1 : (active + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open && active >= 0) choose(active);
      else if (onEnter && input.value.trim()) {
        const text = input.value.trim();
        close();
        onEnter(text);
      } else if (open && found.length) choose(0);
    } else if (event.key === "Escape") {
      if (open) close();
      else input.value = "";
    }
  });
  return { element: h("div", { class: "combobox" }, input, list, message), input };
}
