// Product text is hostile until cleaned; numbers are written as the reader's language does.

// marks that turn the direction of what follows, and characters that take no room
const UNSEEN = /[\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;
const SPACES = /[\t\n\r\v\f ]+/g;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Text that may be shown: at most `most` characters, control characters made visible. */
export function clean(given, most = 240) {
  let text = String(given ?? "");
  const cut = text.length > 4 * most;
  if (cut) text = text.slice(0, 4 * most);
  text = text.toWellFormed?.() ?? text;
  text = text
    .replace(UNSEEN, "")
    .replace(SPACES, " ")
    .replace(CONTROLS, "\ufffd")
    .trim();
  const points = Array.from(text);
  return points.length > most ? `${points.slice(0, most - 1).join("")}…` : cut ? `${text}…` : text;
}

/** What a product is called: its title, else its type and id, else its id. */
export function nameOf(product, most) {
  return (
    clean(product.title, most) ||
    clean([product.type, product.product_id].filter(Boolean).join(" "), most) ||
    "(no title)"
  );
}

const plain = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const three = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 3,
  maximumFractionDigits: 3,
});
const cents = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const share = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const smallShare = new Intl.NumberFormat(undefined, {
  style: "percent",
  maximumSignificantDigits: 2,
});

export const count = (n) => whole.format(n);
export const number = (n) => plain.format(n);
export const times = (n) => (n === 1 ? "once" : `${count(n)} times`);
export const short = (n) => one.format(n);
export const figure = (n) => (Math.abs(n) >= 100 ? one.format(n) : three.format(n));
export const price = (n) => cents.format(n);
export const percent = (n) => (n > 0 && n < 0.095 ? smallShare : share).format(n);
export const many = (n, word, words = `${word}s`) => `${count(n)} ${n === 1 ? word : words}`;

/** An attribute's value, whatever JSON it is. */
export function value(given) {
  if (typeof given === "number") return number(given);
  if (typeof given === "boolean") return given ? "yes" : "no";
  if (Array.isArray(given)) return given.slice(0, 20).map((v) => clean(v, 80)).join(" › ");
  if (given && typeof given === "object") return clean(JSON.stringify(given), 400);
  return clean(given, 400);
}
