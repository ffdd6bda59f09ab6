// <goes-with>: see docs/how-to/storefront.md

const HEADINGS = {
  complements: "Goes well with",
  together: "Frequently bought together",
  basket: "Complete your basket",
};
const STYLE = `
:host{display:block;min-height:1px;color:var(--goeswith-text,#1a1a1a);font:var(--goeswith-font,inherit)}
:host([hidden]){display:none}
section,ul{display:grid;gap:var(--goeswith-gap,1rem);margin:0;padding:0}
h2{font-size:var(--goeswith-heading-size,1.25rem);margin:0}
ul{list-style:none;grid-template-columns:repeat(auto-fill,minmax(var(--goeswith-card-width,10rem),1fr))}
li{display:flex;flex-direction:column;gap:.5rem;padding:.75rem;
border:1px solid var(--goeswith-border,#c8c8c8);background:var(--goeswith-background,#fff)}
img{width:100%;aspect-ratio:1;object-fit:contain}
a{color:var(--goeswith-link,var(--goeswith-accent,#0b57a4));overflow-wrap:anywhere}
input{align-self:start}
small{color:var(--goeswith-muted,#595959)}
button{font:inherit;cursor:pointer;padding:.5rem 1rem;border:0;margin-top:auto;
background:var(--goeswith-accent,#0b57a4);color:var(--goeswith-accent-text,#fff)}
button:disabled{opacity:.6}
li,button{border-radius:var(--goeswith-radius,.5rem)}
footer{display:flex;flex-wrap:wrap;gap:1rem;align-items:center}
:focus-visible{outline:3px solid var(--goeswith-focus,#0b57a4);outline-offset:2px}`;

const sent = new Set(); // impressions

export const element = (name, attributes, ...content) => {
  const made = document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.append(...content.filter(Boolean));
  return made;
};

/** An address of the web, or null. */
const webAddress = (text) => {
  const { protocol, href } = element("a", text ? { href: text } : {});
  return /^https?:$/.test(protocol) ? href : null;
};

const productPath = (id) => `/v1/products/${encodeURIComponent(id)}`;

const unique = () => `${Date.now()}-${Math.random()}`;

let visit = unique();
/** Anonymous; of the page where storage is blocked. */
const visitId = () => {
  try {
    visit = sessionStorage["goeswith-visit"] ??= visit;
  } catch {}
  return visit;
};

/** Calls back once, when visible. */
const onceVisible = (target, options, callback) => {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting) return;
    observer.disconnect();
    callback();
  }, options);
  observer.observe(target);
  return observer;
};

export class GoesWith extends HTMLElement {
  static observedAttributes = ["product", "products", "mode", "k", "service", "market", "locale"];

  details = null;
  where = [];
  #version = 0;
  #observer;

  constructor() {
    super().attachShadow({ mode: "open" });
  }

  disconnectedCallback() {
    this.#version++;
    this.#observer?.disconnect();
  }

  attributeChangedCallback() {
    this.connectedCallback();
  }

  #text(name, otherwise) {
    return this.getAttribute(name) ?? otherwise;
  }

  get mode() {
    const mode = this.#text("mode");
    return Object.hasOwn(HEADINGS, mode) ? mode : "complements";
  }

  get #sources() {
    if (this.mode !== "basket") return [this.#text("product")].filter(Boolean);
    const text = this.#text("products", "").trim();
    return text.startsWith("[") ? JSON.parse(text) : text.split(/\s*,\s*/).filter(Boolean);
  }

  /** Loads once when nearly visible, after all changes. */
  connectedCallback() {
    if (!this.isConnected) return;
    this.disconnectedCallback();
    this.#show("");
    this.hidden = false;
    this.#observer = onceVisible(this, { rootMargin: "200px" }, () => this.load());
  }

  /** Loads again, with the filters `where`. */
  async load() {
    this.disconnectedCallback();
    const version = this.#version;
    await this.#load(version).catch(() => {
      if (version === this.#version) this.hidden = true;
    });
  }

  #show(content) {
    this.shadowRoot.replaceChildren(element("style", {}, STYLE), content);
  }

  #fetch(path, options) {
    return fetch(this.#text("service", "").replace(/\/$/, "") + path, options);
  }

  #set(name) {
    return this.hasAttribute(name) ? [[name, this.#text(name)]] : [];
  }

  async get(path, query = []) {
    const signal = AbortSignal.timeout(this.#text("timeout", 2000));
    const parameters = new URLSearchParams([...query, ...this.#set("locale")]);
    const answer = await this.#fetch(`${path}?${parameters}`, { signal });
    if (!answer.ok) throw Error(answer.status);
    return answer.json();
  }

  async #load(version) {
    const sources = this.#sources;
    if (!sources[0]) throw Error("no product");
    const above = this.above?.();
    const basket = this.mode === "basket";
    const path = basket ? "/v1/basket" : productPath(sources[0]) + "/complements";
    const query = basket ? sources.map((id) => ["product", id]) : [];
    query.push(["k", this.#text("k", this.mode === "together" ? 2 : 4)], ...this.#set("market"));
    query.push(...this.where.map((filter) => ["where", filter]));
    const { complements: shown, bundle } = await this.get(path, query);
    const ids = shown.map((one) => one.product_id);
    if (!ids[0]) throw Error("no complements");
    if (this.mode === "together") shown.unshift({ product_id: sources[0] });
    const details = await this.#detailsOf(shown.map((one) => one.product_id));
    const top = await above;
    if (version !== this.#version) return;
    const start = performance.now();
    this.#render(shown.map((one) => this.#product(one, details[one.product_id])), top);
    performance.measure("goeswith-render", { start });
    this.#watch(bundle, sources, ids);
    this.#emit("goeswith-shown", { ids });
  }

  /** Attributes by id. */
  async #detailsOf(ids) {
    if (this.details) return this.details(ids);
    const found = Object.create(null);
    const add = async (id) => (found[id] = (await this.get(productPath(id))).attributes);
    await Promise.allSettled(ids.map(add));
    return found;
  }

  #product({ product_id: id, title }, details) {
    const fill = (name) => this.#text(name)?.replaceAll("{id}", encodeURIComponent(id));
    const price = Number.parseFloat(details?.price);
    return {
      id,
      title: details?.title ?? title ?? id,
      price: Number.isFinite(price) ? price : null,
      url: webAddress(fill("link") ?? details?.url ?? details?.link),
      image: webAddress(fill("image") ?? details?.image ?? details?.image_link),
    };
  }

  money(amount) {
    const currency = this.#text("currency");
    const style = currency ? { style: "currency", currency } : { minimumFractionDigits: 2 };
    const locale = this.closest("[lang]")?.lang || [];
    return amount.toLocaleString(locale, style);
  }

  #render(products, top) {
    const together = this.mode === "together";
    const basket = this.mode === "basket";
    const cards = products.map(({ id, title, price, url, image }, i) =>
      element(
        "li",
        {},
        image && element("img", { src: image, alt: "", loading: "lazy" }),
        together && element("input", { type: "checkbox", checked: "", "aria-label": title }),
        url ? element("a", { href: url, "data-id": id }, title) : element("span", {}, title),
        price !== null && element("small", {}, this.money(price)),
        basket && this.#addButton(() => [products[i]], title),
      ),
    );
    const list = element("ul", { role: "list" }, ...cards);
    const title = this.#text("heading", HEADINGS[this.mode]);
    const footer = together && this.#total(list, products);
    const parts = [element("h2", {}, title), top, list, footer];
    this.#show(element("section", { "aria-label": title }, ...parts));
  }

  /** Total of the ticked products, and their button. */
  #total(list, products) {
    const boxes = list.querySelectorAll("input");
    const ticked = () => products.filter((_, i) => boxes[i].checked);
    const total = element("output");
    const button = this.#addButton(ticked);
    const update = () => {
      const prices = ticked().map((one) => one.price);
      const sum = this.money(prices.reduce((a, b) => a + b, 0));
      const text = `${this.#text("total-label", "Total")}: ${sum}`;
      total.value = prices.includes(null) ? "" : text;
      button.disabled = !prices.length;
    };
    list.onchange = update;
    update();
    return element("footer", {}, total, button);
  }

  #addButton(products, title) {
    const text = this.#text("add-label", "Add to basket");
    const label = title ? `${text}: ${title}` : text;
    const button = element("button", { type: "button", "aria-label": label }, text);
    button.onclick = () => this.#emit("goeswith-add", { products: products() });
    return button;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail }));
  }

  /** Sends impressions when seen, and clicks. */
  #watch(bundle, sources, ids) {
    if (this.#text("feedback") === "off") return;
    const event = (event, product_id) => ({
      event,
      product_id,
      source_id: sources[0],
      bundle,
      position: ids.indexOf(product_id),
      session_id: visitId(),
      event_id: unique(),
    });
    this.#observer = onceVisible(this, { threshold: 0.5 }, () => {
      const fresh = ids.filter((id) => {
        const key = JSON.stringify([this.mode, bundle, sources, id]);
        return !sent.has(key) && sent.add(key);
      });
      if (fresh.length) this.#send(fresh.map((id) => event("impression", id)));
    });
    for (const link of this.shadowRoot.querySelectorAll("a")) {
      const { id } = link.dataset;
      if (!ids.includes(id)) continue;
      link.addEventListener("click", () => this.#send([event("click", id)]), { once: true });
    }
  }

  #send(events) {
    this.#fetch("/v1/feedback", {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ events }),
    }).catch(() => {});
  }
}

customElements.define("goes-with", GoesWith);
