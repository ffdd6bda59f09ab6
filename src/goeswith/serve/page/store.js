// The basket of this browser: ids, with what they are called.
import { stored } from "./api.js";
import { clean } from "./text.js";

const BASKET = stored("basket");
export const MOST = 50;
const listeners = new Set();
let memory = null;

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(BASKET) ?? "[]");
    return Array.isArray(kept) ? kept.filter((p) => typeof p?.product_id === "string") : [];
  } catch {
    return [];
  }
}

export function inBasket() {
  memory ??= read();
  return memory;
}

function write(products) {
  memory = products.slice(0, MOST);
  try {
    localStorage.setItem(BASKET, JSON.stringify(memory));
  } catch {
    // no storage: kept for this visit
  }
  for (const tell of listeners) tell(memory);
}

export const onBasket = (tell) => listeners.add(tell);
export const has = (id) => inBasket().some((p) => p.product_id === id);
export const remove = (id) => write(inBasket().filter((p) => p.product_id !== id));
export const empty = () => write([]);
export function add({ product_id, title, type }) {
  if (has(product_id) || inBasket().length >= MOST) return;
  const short = { product_id, title: title && clean(title), type: type && clean(type) };
  write([...inBasket(), short]);
}

// another tab of this page changed it
addEventListener("storage", (event) => {
  if (event.key !== BASKET) return;
  memory = null;
  for (const tell of listeners) tell(inBasket());
});
