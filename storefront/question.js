// <goes-with question>: a question to the shopper above the products; see docs/how-to/storefront.md
import { element, GoesWith } from "./goeswith.js";

const MAX_FILTERS = 20; // of one request
const STYLE = `
[role=group]{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}
[role=group] button{margin:0;padding:.4rem .8rem;background:none;overflow-wrap:anywhere;
color:var(--goeswith-text,#1a1a1a);border:1px solid var(--goeswith-muted,#595959)}
[role=group] .answered{border-color:var(--goeswith-accent,#0b57a4)}`;

const states = new WeakMap();

/** The answers to an element's questions; none for another product or other filters of the shop. */
function stateOf(host) {
  const product = host.getAttribute("product");
  const last = states.get(host);
  const untouched = last?.where === host.where;
  if (untouched && last.product === product) return last;
  host.where = untouched ? last.own : host.where;
  const state = { product, own: host.where, where: host.where, answers: [] };
  states.set(host, state);
  return state;
}

/** Called before the products are requested; what it returns is shown above them. */
GoesWith.prototype.above = async function above() {
  if (!this.hasAttribute("question") || this.mode !== "complements") return null;
  const { product, where, answers } = stateOf(this);
  const query = where.map((filter) => ["where", filter]);
  if (this.hasAttribute("market")) query.push(["market", this.getAttribute("market")]);
  const path = `/v1/products/${encodeURIComponent(product)}/question`;
  const { question } = await this.get(path, query).catch(() => ({})); // the products do without
  return row(this, question, answers);
};

/** Requests the products that meet the answers; all of them, if none can be shown. */
async function choose(host, answers) {
  const state = stateOf(host);
  state.answers = answers;
  state.where = host.where = [...state.own, ...answers.flatMap((one) => one.where)];
  await host.load();
  if (host.hidden && answers.length) {
    host.hidden = false;
    return choose(host, []);
  }
  // the next question is read
  host.shadowRoot.querySelector("[role=group]")?.focus({ preventScroll: true });
}

function row(host, question, answers) {
  const own = ownWords(host);
  const word = (text) => (Object.hasOwn(own, text) ? String(own[text]) : null);
  const choices = (question?.choices ?? [])
    .filter(({ where }) => where.length && host.where.length + where.length <= MAX_FILTERS)
    .map(({ answer, where, products }) => {
      const price = question.attribute === "price" && priceWords(where, host);
      return { text: word(answer) ?? (price || answer), where, products };
    });
  if (!choices.length && !answers.length) return null;
  const heading = choices.length ? (word(question.attribute) ?? question.text) : "";
  const button = (attributes, text, next) => {
    const made = element("button", { type: "button", ...attributes }, text);
    made.onclick = () => choose(host, next);
    return made;
  };
  const removal = (one) => {
    const label = `${word("remove") ?? "Remove"}: ${one.text}`;
    const others = answers.filter((other) => other !== one);
    return button({ class: "answered", "aria-label": label }, `${one.text} ×`, others);
  };
  return element(
    "div",
    { role: "group", tabindex: -1, "aria-label": heading || word("answers") || "Answers" },
    element("style", {}, STYLE),
    heading && element("strong", {}, heading),
    ...choices.map((one) => button({}, `${one.text} (${one.products})`, [...answers, one])),
    ...answers.map(removal),
    answers.length > 0 && button({}, word("show all") ?? "Show all", []),
  );
}

/** The attribute `labels`: words of the shop's language. */
function ownWords(host) {
  try {
    return JSON.parse(host.getAttribute("labels") ?? "{}") ?? {};
  } catch (error) {
    console.error(`<goes-with labels> is not JSON such as {"device": "Welches Gerät?"}: ${error}`);
    return {};
  }
}

/** A range of prices without words: "≤ €27.00", "€27.00 – €36.00", "> €36.00". */
function priceWords(where, host) {
  const bounds = where.map((one) => /^price(<=|>)(.+)$/.exec(one));
  if (bounds.includes(null)) return null;
  const [low, high] = bounds.map(([, , amount]) => host.money(Number(amount)));
  return high ? `${low} – ${high}` : `${bounds[0][1] === ">" ? ">" : "≤"} ${low}`;
}
