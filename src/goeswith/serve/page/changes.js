// What a new build changed in a list: the lists that this browser saw are compared with those now.
import { nameOf } from "./text.js";

const KEY = "goeswith.lists";
const MOST = 100;

function read() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return new Map(Array.isArray(stored) ? stored.filter((entry) => Array.isArray(entry) && entry[1]) : []);
  } catch {
    return new Map();
  }
}

/**
 * Compares a list with the one of the build before, and remembers it.
 *
 * @returns `{ entered: Set of ids, left: [name], moved: count }`, or null where there is nothing to compare.
 */
export function sinceLastBuild(id, build, answers) {
  const stored = read();
  const entry = stored.get(id);
  const list = answers.map((a) => [a.product_id, nameOf(a, 80)]);
  const before = entry?.build === build ? entry.before : entry?.list;
  stored.delete(id); // the one seen last stands at the end
  stored.set(id, { build, list, before });
  try {
    localStorage.setItem(KEY, JSON.stringify([...stored].slice(-MOST)));
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
