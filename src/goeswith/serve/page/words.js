// Evidence in a few words. The service's own sentence, `why`, stands beside them.
import { count, many, nameOf, times } from "./text.js";

/** Contexts with an order that a pair needs before the page mentions it. */
export const MIN_ORDERED = 5;

/** The kind of evidence, as a label. */
export const BASIS = {
  bought_together: "Bought together",
  bought_before: "Recorded in the reverse direction only",
  linked: "Linked by a third product",
  alike: "Bought with a product of the same type",
  types: "Product types bought together",
  popular: "No direct evidence",
  model: "No direct evidence",
  viewed_together: "Viewed as alternatives",
  attributes: "Similar title and attributes",
};

/** "214 baskets"; "214 times" where the unit is not recorded. */
export function contexts(n, unit) {
  return unit ? many(n, unit.slice(0, -1)) : times(n);
}

/** The evidence with its main count, for example "Bought together: 214 baskets". */
export function evidenceWords(evidence) {
  const e = evidence;
  const label = BASIS[e.basis] ?? BASIS.model;
  if (e.basis === "linked" && e.link) return `Linked by ${nameOf(e.link, 60)}`;
  if (e.basis === "alike" && e.link) return `Bought with ${nameOf(e.link, 60)}, of the same type`;
  if (!e.counted) return label;
  const counts = {
    bought_together: contexts(e.bought_together, e.unit) + (e.customers ? ` of ${many(e.customers, "customer")}` : ""),
    types: e.types && times(e.types.bought_together),
    viewed_together: times(e.viewed_together),
  };
  return counts[e.basis] ? `${label}: ${counts[e.basis]}` : label;
}

const STRENGTH = { strong: 1, medium: 0.6, weak: 0.25 };

/** How well the counts support it: `{ share, text }` for a bar, or null where there are none. */
export function sureness(answer) {
  const { strength } = answer.evidence;
  return strength ? { share: STRENGTH[strength], text: `${strength} evidence`, means: MEANS } : null;
}

const MEANS = "Strong: bought together at least 3 times as often as by chance (lower 95 % bound), in at least 10 purchases by 5 customers. Medium: 1.5 times as often, in at least 3 purchases by 2 customers. Weak: less.";

/** Strength of an answer from 0 to 1, against the strongest of its list: for lines in a drawing. */
export function strengths(answers) {
  const weight = (a) => {
    const e = a.evidence;
    return e.basis === "bought_together" && e.counted
      ? e.bought_together
      : e.basis === "viewed_together" && e.counted
        ? e.viewed_together
        : 0;
  };
  const most = Math.max(...answers.map(weight), 1);
  return answers.map((a, place) =>
    weight(a) ? 0.15 + 0.85 * Math.sqrt(weight(a) / most) : 0.35 * (1 - place / answers.length),
  );
}

export const RELATIONS = {
  complement: "The second is a complement of the first",
  reverse: "The first is a complement of the second",
  mutual: "Complements of each other",
  substitute: "Alternatives",
  none: "No evidence of a relation",
};

export const TABS = {
  complements: { label: "Recommended with it", field: "complements", relation: "complement" },
  similars: { label: "Alternatives", field: "similars", relation: "similar" },
  reverse: { label: "Recommended for", field: "sources", relation: "goes_with" },
};

/** "24 recommendations, 5 product types". */
export function countWords(answers) {
  const types = new Set(answers.map((a) => a.type)).size;
  const shown = many(answers.length, "recommendation");
  return types > 1 ? `${shown}, ${count(types)} product types` : shown;
}
