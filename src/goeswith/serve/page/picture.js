// The picture of a product: a tile drawn from its type, or a photograph of the catalogue.
import { h, s } from "./dom.js";
import { clean } from "./text.js";

/** A number from a text, the same each time (FNV-1a, mixed once more). */
function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < Math.min(text.length, 200); i += 1) {
    h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  }
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Two letters that stand for a text. */
export function initials(text) {
  const words = clean(text, 80).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  if (!words.length) return "·";
  const letters = words.length > 1 ? words.slice(0, 2).map((w) => Array.from(w)[0]) : Array.from(words[0]).slice(0, 2);
  return letters.join("").toLocaleUpperCase();
}

const MOTIFS = [
  () => [s("circle", { cx: 50, cy: 12, r: 24 }), s("circle", { cx: 8, cy: 60, r: 18 })],
  () => [s("path", { d: "M0 46 64 14V64H0z" })],
  () => [s("path", { d: "M0 40q16-14 32 0t32 0v24H0z" })],
  () => [s("rect", { x: 34, y: -8, width: 40, height: 40, rx: 10 }), s("rect", { x: -14, y: 44, width: 34, height: 34, rx: 8 })],
  () => [s("path", { d: "M-6 70 44-6h22L16 70z" })],
];

export const hue = (type) => hash(clean(type, 80) || "?") % 360;

/** What stands for a product of a type: its initials on a motif, in the type's colour. */
export function picture(type, size = 56) {
  const text = clean(type, 80);
  const h = hash(text || "?");
  return s(
    "svg",
    { class: "picture", viewBox: "0 0 64 64", width: size, height: size, "aria-hidden": "true", vars: { "--hue": h % 360 } },
    s("rect", { class: "ground", width: 64, height: 64 }),
    s("g", { class: "motif" }, MOTIFS[(h >>> 9) % MOTIFS.length]()),
    s("text", { x: 32, y: 34, "text-anchor": "middle", "dominant-baseline": "central" }, initials(text)),
  );
}

const PHOTO_COLUMNS = ["image", "image_url"];

/** The address of a photograph, if it is of an origin that the service allows; else null. */
export function photoOf(attributes, facts) {
  for (const column of PHOTO_COLUMNS) {
    const given = [attributes[column]].flat()[0];
    if (typeof given !== "string" || !URL.canParse(given)) continue;
    const url = new URL(given);
    const plain = !url.username && !url.password && ["http:", "https:"].includes(url.protocol);
    if (plain && facts.image_origins.includes(url.origin)) return url.href;
  }
  return null;
}

/** Puts the photograph of a product, where it has one that loads, in place of its tile. */
export function showPhoto(tile, attributes, facts) {
  const src = photoOf(attributes, facts);
  if (!src) return;
  const size = tile.getAttribute("width");
  const photo = h("img", { class: "picture photo", alt: "", width: size, height: size, referrerpolicy: "no-referrer", on: { load: () => tile.replaceWith(photo) } });
  photo.src = src;
}
