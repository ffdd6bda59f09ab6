// What a new build changed in a list: the lists that this browser saw are compared with those now.
import { nameOf } from "./text.js";

const KEY = "goeswith.lists";
const MOST = 100;

function read() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return stored && typeof stored === "object" && !Array.isArray(stored) ? stored : {};
  } catch {
    return {};
  }
}

/**
 * Compares a list with the one of the build before, and remembers it.
 *
 * @returns `{ entered: Set of ids, left: [name], moved }`, or null where there is nothing to compare.
 */
export function sinceLastBuild(id, build, answers) {
  const stored = read();
  const entry = Object.hasOwn(stored, id) ? stored[id] : null;
  const list = answers.map((a) => [a.product_id, nameOf(a, 80)]);
  const before = entry?.build === build ? entry.before : entry?.list;
  delete stored[id];
  stored[id] = { build, list, before };
  const ids = Object.keys(stored);
  for (const old of ids.slice(0, Math.max(0, ids.length - MOST))) delete stored[old];
  try {
    localStorage.setItem(KEY, JSON.stringify(stored));
  } catch {
    // no storage: nothing to compare with later
  }
  if (!Array.isArray(before)) return null;
  const was = new Map(before.filter(Array.isArray).map(([one, name], i) => [one, { name, place: i }]));
  const now = new Set(list.map(([one]) => one));
  return {
    entered: new Set(list.map(([one]) => one).filter((one) => !was.has(one))),
    left: [...was].filter(([one]) => !now.has(one)).map(([, { name }]) => name),
    moved: list.filter(([one], i) => was.has(one) && was.get(one).place !== i).length,
  };
}
