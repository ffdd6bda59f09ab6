// A list as a file for spreadsheets, and as text for the clipboard.
import { h } from "./dom.js";
import { toast } from "./toast.js";
import { many, nameOf } from "./text.js";

const COLUMNS = ["rank", "product_id", "title", "type", "baskets", "customers", "lift", "strength", "model", "rules", "why"];

const row = (answer, i) => {
  const e = answer.evidence;
  return [
    i + 1, answer.product_id, answer.title, answer.type, e.counted ? e.bought_together : null, e.customers, e.lift,
    e.strength, answer.model, (answer.rules ?? []).join(" "), answer.why,
  ];
};

/** A cell; text that a spreadsheet would compute gets an apostrophe, for it comes from products. */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = String(value).replace(/\u0000/g, "");
  return `"${(/^[\s]*[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

export const csv = (answers, source) => [
  ["source", ...COLUMNS].join(","),
  ...answers.map((answer, i) => [source, ...row(answer, i)].map(cell).join(",")),
].map((line) => `${line}\r\n`).join("");

function download(name, text) {
  // the mark at the start has spreadsheets read UTF-8
  const href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  const a = h("a", { href, download: name });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

async function copy(answers) {
  const text = answers.map((a) => `${a.product_id}\t${nameOf(a)}`).join("\n");
  try {
    await navigator.clipboard.writeText(text);
    toast(`${many(answers.length, "product")} copied: id and title`);
  } catch {
    toast("This browser does not allow copying; export the list instead");
  }
}

/** The buttons beside a list. */
export const exportButtons = (answers, source, name) => [
  h("button", { type: "button", class: "quiet", on: { click: () => download(`${name}-${source.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 60)}.csv`, csv(answers, source)) } }, "Export CSV"),
  h("button", { type: "button", class: "quiet", on: { click: () => copy(answers) } }, "Copy list"),
];
