// <goes-with>: complements in a shop's page; see docs/how-to/storefront.md

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

const sent = new Set(); // impressions that this page has sent

const element = (name, attributes, ...content) => {
  const made = document.createElement(name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  made.append(...content);
  return made;
};

/** An address of the web, or null. */
const webAddress = (text) => {
  const { protocol, href } = element("a", text ? { href: text } : {});
  return /^https?:$/.test(protocol) ? href : null;
};

const unique = () => `${Date.now()}-${Math.random()}`;

let visit = unique();
/** An anonymous id of the visit, or of the page if storage is blocked. */
const visitId = () => {
  try {
    visit = sessionStorage.getItem("goeswith-visit") ?? visit;
    sessionStorage.setItem("goeswith-visit", visit);
  } catch {}
  return visit;
};

/** Calls back once, when an element is visible. */
const onceVisible = (target, options, callback) => {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    callback();
  }, options);
  observer.observe(target);
  return observer;
};

export class GoesWith extends HTMLElement {
  static observedAttributes = ["product", "products", "mode", "k", "service"];

  details = null; // ids => {id: {title, price, url, image}}
  #version = 0;
  #observer; // of nearness, then of visibility

  constructor() {
    super().attachShadow({ mode: "open" });
  }

  connectedCallback() {
    this.#whenNear();
  }

  disconnectedCallback() {
    this.#version++;
    this.#observer?.disconnect();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#whenNear();
  }

  #text(name, otherwise) {
    return this.getAttribute(name) ?? otherwise;
  }

  get mode() {
    const mode = this.getAttribute("mode");
    return Object.hasOwn(HEADINGS, mode) ? mode : "complements";
  }

  get #sources() {
    if (this.mode !== "basket") return [this.#text("product")].filter(Boolean);
    const text = this.#text("products", "").trim();
    return text.startsWith("[") ? JSON.parse(text) : text.split(/\s*,\s*/).filter(Boolean);
  }

  /** Loads when nearly visible; several changes at once load once. */
  #whenNear() {
    const version = ++this.#version;
    this.#observer?.disconnect();
    this.#show("");
    this.hidden = false;
    this.#observer = onceVisible(this, { rootMargin: "200px" }, () =>
      this.#load(version).catch(() => {
        if (version === this.#version) this.hidden = true; // no service, or no products
      }),
    );
  }

  #show(content) {
    this.shadowRoot.replaceChildren(element("style", {}, STYLE), content);
  }

  #fetch(path, options) {
    return fetch(this.#text("service", "").replace(/\/$/, "") + path, options);
  }

  async #get(path) {
    const signal = AbortSignal.timeout(Number(this.#text("timeout", 2000)));
    const answer = await this.#fetch(path, { signal });
    if (!answer.ok) throw Error(answer.status);
    return answer.json();
  }

  async #load(version) {
    const sources = this.#sources;
    if (!sources.length) throw Error("no product");
    const k = Number(this.#text("k", this.mode === "together" ? 2 : 4));
    const path =
      this.mode === "basket"
        ? `/v1/basket?${new URLSearchParams(sources.map((id) => ["product", id]))}&k=${k}`
        : `/v1/products/${encodeURIComponent(sources[0])}/complements?k=${k}`;
    const { complements: shown, bundle } = await this.#get(path);
    const ids = shown.map((one) => one.product_id);
    if (!ids.length) throw Error("no complements");
    if (this.mode === "together") shown.unshift({ product_id: sources[0] });
    const details = await this.#detailsOf(shown.map((one) => one.product_id));
    if (version !== this.#version) return;
    const start = performance.now();
    this.#render(shown.map((one) => this.#product(one, details[one.product_id])));
    performance.measure("goeswith-render", { start });
    this.#watch(bundle, sources, ids);
    this.#emit("goeswith-shown", { ids });
  }

  /** Attributes by id; a product without them is shown by its title. */
  async #detailsOf(ids) {
    if (this.details) return this.details(ids);
    const pairs = ids.map(async (id) => {
      const product = await this.#get(`/v1/products/${encodeURIComponent(id)}`).catch(() => null);
      return [id, product?.attributes];
    });
    return Object.fromEntries(await Promise.all(pairs));
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

  #money(amount) {
    const currency = this.#text("currency");
    const style = currency ? { style: "currency", currency } : { minimumFractionDigits: 2 };
    const locale = this.closest("[lang]")?.lang || [];
    return new Intl.NumberFormat(locale, style).format(amount);
  }

  #render(products) {
    const together = this.mode === "together";
    const basket = this.mode === "basket";
    const cards = products.map(({ id, title, price, url, image }, i) =>
      element(
        "li",
        {},
        image ? element("img", { src: image, alt: "", loading: "lazy" }) : "",
        together ? element("input", { type: "checkbox", checked: "", "aria-label": title }) : "",
        url ? element("a", { href: url, "data-id": id }, title) : element("span", {}, title),
        price === null ? "" : element("small", {}, this.#money(price)),
        basket ? this.#addButton(() => [products[i]], title) : "",
      ),
    );
    const list = element("ul", { role: "list" }, ...cards);
    const title = this.#text("heading", HEADINGS[this.mode]);
    const footer = together ? this.#total(list, products) : "";
    this.#show(element("section", { "aria-label": title }, element("h2", {}, title), list, footer));
  }

  /** Total price of the ticked products, and their button. */
  #total(list, products) {
    const boxes = list.querySelectorAll("input");
    const ticked = () => products.filter((_, i) => boxes[i].checked);
    const total = element("output", {});
    const button = this.#addButton(ticked);
    const update = () => {
      const prices = ticked().map((one) => one.price);
      const sum = this.#money(prices.reduce((a, b) => a + b, 0));
      const label = this.#text("total-label", "Total");
      total.value = prices.includes(null) ? "" : `${label}: ${sum}`;
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

  /** Sends impressions once the element is seen, and clicks. */
  #watch(bundle, sources, ids) {
    if (this.#text("feedback") === "off") return;
    const source_id = sources[0];
    const event = (event, product_id) => {
      const position = ids.indexOf(product_id);
      const own = { session_id: visitId(), event_id: unique() };
      return { event, product_id, source_id, bundle, position, ...own };
    };
    this.#observer = onceVisible(this, { threshold: 0.5 }, () => {
      const fresh = ids.filter((id) => {
        const key = JSON.stringify([this.mode, bundle, sources, id]);
        return !sent.has(key) && sent.add(key);
      });
      if (fresh.length) this.#send(fresh.map((id) => event("impression", id)));
    });
    for (const link of this.shadowRoot.querySelectorAll("a")) {
      const { id } = link.dataset;
      const click = () => this.#send([event("click", id)]);
      if (ids.includes(id)) link.addEventListener("click", click, { once: true });
    }
  }

  #send(events) {
    this.#fetch("/v1/feedback", {
      method: "POST",
      keepalive: true, // a click leaves the page
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ events }),
    }).catch(() => {});
  }
}

customElements.define("goes-with", GoesWith);
