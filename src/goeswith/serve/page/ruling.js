// Rules as the page makes and words them.
import * as api from "./api.js";
import { toast } from "./toast.js";
import { clean, many } from "./text.js";

export const ACTIONS = {
  pin: { label: "Pin", past: "Pinned", means: "Show the product at a rank" },
  ban: { label: "Ban", past: "Banned", means: "Never show the product" },
  boost: { label: "Boost", past: "Boosted", means: "Move the product up" },
  bury: { label: "Bury", past: "Buried", means: "Move the product down" },
};

export const LABELS = {
  complement: "Complement",
  substitute: "Substitute",
  weak: "Weak",
  irrelevant: "Irrelevant",
};

/** The same id for what is about the same products: a rule that is made again replaces the first. */
function idOf(action, ...about) {
  const text = JSON.stringify(about);
  let low = 0x811c9dc5; // FNV-1a, twice: 64 bits
  let high = 0x01234567;
  for (let i = 0; i < text.length; i += 1) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000193) ^ (low >>> 15);
  }
  return `page-${action}-${(low >>> 0).toString(36)}${(high >>> 0).toString(36)}`;
}

/**
 * A rule about one recommended product.
 *
 * @param scope `product` (the source alone), `type` (of the source) or `all`.
 */
export function makeRule({ action, source, target, scope, rank, by, market, until, note }) {
  const rule = { action, target: { products: [target.product_id] } };
  if (scope === "product") rule.source = { products: [source.product_id] };
  if (scope === "type") rule.source = { types: [source.type] };
  if (action === "pin") rule.rank = rank;
  if (by && ["boost", "bury"].includes(action)) rule.by = by;
  if (market) rule.markets = [market];
  if (until) rule.end = until;
  if (note) rule.note = note;
  return { id: idOf(action, rule.target, rule.source ?? null, market || null), ...rule };
}

const sideWords = (side, none, names) => {
  const called = (id) => (names?.get(id) ? `${names.get(id)} (${clean(id, 60)})` : clean(id, 60));
  const parts = [
    side?.products?.length && side.products.slice(0, 5).map(called).join(", ") + (side.products.length > 5 ? ` and ${side.products.length - 5} more` : ""),
    side?.types?.length && `type ${side.types.slice(0, 5).map((type) => clean(type, 60)).join(", ")}`,
    side?.where?.length && side.where.map((text) => clean(text, 80)).join(" and "),
  ].filter(Boolean);
  return parts.join(", ") || none;
};

const ranks = (n) => many(n, "rank");

/** A rule in words; `names` maps ids to titles, as far as they are there. */
export function ruleWords(rule, names) {
  const doing = { pin: "Pin", ban: "Ban", boost: "Boost", bury: "Bury", only: "Show only", same: "Show only", other: "Show only", limit: `Show at most ${rule.max} of` }[rule.action] ?? rule.action;
  const detail = {
    pin: `at rank ${rule.rank}`,
    boost: `by ${ranks(rule.by)}`,
    bury: rule.by ? `by ${ranks(rule.by)}` : "to the end",
    limit: `per ${clean(rule.attribute, 40)}`,
    same: `with the same ${clean(rule.attribute, 40)}`,
    other: `with a different ${clean(rule.attribute, 40)}`,
  }[rule.action];
  return [
    [doing, sideWords(rule.target, ["same", "other"].includes(rule.action) ? "products" : "all products", names), detail].filter(Boolean).join(" "),
    `for ${sideWords(rule.source, "all products", names)}`,
    rule.markets?.length && `market ${rule.markets.map((m) => clean(m, 30)).join(", ")}`,
    rule.start && `from ${rule.start}`,
    rule.end && `until ${rule.end}`,
  ].filter(Boolean).join("; ");
}

/** The problems of these rules, or that other rules have with them. */
export const problemsOf = (rules, problems) => problems.filter((p) => rules.some(({ id }) => p.rule === id || p.problem.includes(`the rule ${id} `)));

/** Undo of one change of the rules, refused where another one came after it. */
async function undoChange(revision, again, alsoUndo) {
  const { changes } = await api.ruleHistory();
  if (changes[0]?.revision !== revision) return "Not undone: the rules were changed since. See Rules.";
  await api.undoRules();
  await alsoUndo?.();
  again();
  return "Undone";
}

/** Stores rules, says so with an undo (which may undo something more), and shows the view anew. */
export async function saveRules(rules, words, again, alsoUndo) {
  const { change, problems } = await api.putRules(rules);
  const own = problemsOf(rules, problems);
  const wrong = own.length ? `. ${own.map((p) => clean(p.problem, 200)).join("; ")}` : "";
  toast(
    change ? `${words}${wrong}` : `Nothing changed${wrong}`,
    change && { label: "Undo", run: () => undoChange(change.revision, again, alsoUndo) },
  );
  again();
}
