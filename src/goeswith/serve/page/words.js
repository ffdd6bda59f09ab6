// Evidence in a few words. The service's own sentence, `why`, stands beside them.
import { many, nameOf, percent, times } from "./text.js";

/** ", 80 % after it"; nothing where the order is not known. */
function order(e, relation) {
  if (e.source_first === null || !e.bought_together || !(relation in ORDER)) return "";
  const share = e.source_first / e.bought_together;
  const how = share === 1 ? "always" : share === 0 ? "never" : percent(share);
  return `, ${how} ${ORDER[relation]} it`;
}

const ORDER = { complement: "after", goes_with: "before" };

/** What an answer rests on, for example "bought together 214 times, 80 % after it". */
export function evidenceWords(evidence, relation = "complement") {
  const e = evidence;
  switch (e.basis) {
    case "bought_together": {
      if (!e.counted) return "Listed as bought together";
      return `Bought together ${times(e.bought_together)}${order(e, relation)}`;
    }
    case "bought_before":
      return "Recorded in the other direction only";
    case "linked":
      return e.link ? `Through ${nameOf(e.link, 60)}` : "Through a third product";
    case "alike":
      return e.link ? `As with ${nameOf(e.link, 60)}, of the same type` : "As with its type";
    case "types":
      return e.types && e.counted
        ? `Their types were bought together ${times(e.types.bought_together)}`
        : "Their types are listed together";
    case "popular":
      return e.counted ? `Popular: bought ${times(e.purchases)}` : "Popular";
    case "viewed_together":
      return e.counted
        ? `Viewed as an alternative ${times(e.viewed_together)}`
        : "Listed as viewed together";
    case "attributes":
      return "Alike in attributes";
    default:
      return "No purchase: the model alone";
  }
}

/** Of what comes next in a session: how often it did, else what the pair rests on. */
export function nextWords(answer) {
  if (answer.followed) return `Came soon after ${times(answer.followed)}`;
  return evidenceWords(answer.evidence, answer.relation);
}

/** How sure: `{ share, text }` for a bar, or null where the data give no share. */
export function sureness(answer, facts) {
  // what is fused with a session model is no probability any more
  if (!answer.proposed_by && facts.probabilities.includes(answer.model)) {
    const share = Math.min(1, Math.max(0, answer.score));
    return { share, text: `${percent(share)} likely` };
  }
  const { confidence } = answer.evidence;
  if (confidence === null || confidence === undefined) return null;
  const whose = answer.relation === "goes_with" ? "that one’s" : "its";
  const text = `with ${percent(confidence)} of ${whose} purchases`;
  return { share: Math.min(1, confidence), text };
}

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
  complement: "The second goes with the first",
  reverse: "The first goes with the second",
  mutual: "Each goes with the other",
  substitute: "One stands for the other",
  none: "Nothing is known to link them",
};

export const TABS = {
  complements: { label: "Goes with it", field: "complements", relation: "complement" },
  similars: { label: "Instead of it", field: "similars", relation: "similar" },
  reverse: { label: "It goes with", field: "sources", relation: "goes_with" },
};

/** "12 answers of 5 types". */
export function countWords(answers) {
  const types = new Set(answers.map((a) => a.type));
  return `${many(answers.length, "answer")} of ${many(types.size, "type")}`;
}
