/**
 * <goes-with>: complements of goeswith in a shop's page. No framework, no dependencies.
 * Attributes, events and CSS variables: README.md beside this file.
 */

const HEADINGS = {
  complements: "Goes well with",
  together: "Frequently bought together",
  basket: "Complete your basket",
};
const STYLE = `
:host{display:block;color:var(--goeswith-text,#1a1a1a);font:var(--goeswith-font,inherit)}
:host([hidden]){display:none}
h2{font-size:var(--goeswith-heading-size,1.25rem);margin:0 0 var(--goeswith-gap,1rem)}
ul{list-style:none;margin:0;padding:0;display:grid;gap:var(--goeswith-gap,1rem);
grid-template-columns:repeat(auto-fill,minmax(var(--goeswith-card-width,10rem),1fr))}
li{display:flex;flex-direction:column;gap:.5rem;padding:.75rem;
border:1px solid var(--goeswith-border,#c8c8c8);border-radius:var(--goeswith-radius,.5rem);
background:var(--goeswith-background,#fff)}
img{width:100%;aspect-ratio:1;object-fit:contain}
a{color:var(--goeswith-link,var(--goeswith-accent,#0b57a4));overflow-wrap:anywhere}
label{display:flex;gap:.5rem;align-items:start}
small{color:var(--goeswith-muted,#595959)}
button{font:inherit;cursor:pointer;padding:.5rem 1rem;border:0;margin-top:auto;
border-radius:var(--goeswith-radius,.5rem);background:var(--goeswith-accent,#0b57a4);
color:var(--goeswith-accent-text,#fff)}
button:disabled{opacity:.6;cursor:default}
footer{display:flex;flex-wrap:wrap;gap:1rem;align-items:center;margin-top:var(--goeswith-gap,1rem)}
:focus-visible{outline:3px solid var(--goeswith-focus,#0b57a4);outline-offset:2px}`;

const sent = new Set(); // impressions of this page, so that each is sent once

const element = (name, content = "", attributes = {}) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(content);
  return made;
};

/** An address of the catalogue, if it is one of the web. */
const webAddress = (text) => {
  try {
    const url = new URL(text, document.baseURI);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
};

const unique = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

/** An anonymous id of the visit; of the page where storage is blocked. */
const visitId = (() => {
  let id;
  return () => {
    try {
      id ??= sessionStorage.getItem("goeswith-visit") ?? unique();
      sessionStorage.setItem("goeswith-visit", id);
    } catch {
      id ??= unique();
    }
    return id;
  };
})();

export class GoesWith extends HTMLElement {
  static observedAttributes = ["product", "products", "mode", "k", "service"];

  /** Overrides what is shown of products: ids => {id: {title, price, url, image}}. */
  details = null;

  #version = 0;
  #near = null;
  #seen = null;

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: "open" });
    this.hidden = false;
    this.#whenNear();
  }

  disconnectedCallback() {
    this.#version++;
    this.#near?.disconnect();
    this.#seen?.disconnect();
  }

  attributeChangedCallback() {
    if (this.isConnected && this.shadowRoot) this.#whenNear();
  }

  get mode() {
    const mode = this.getAttribute("mode");
    return mode in HEADINGS ? mode : "complements";
  }

  get #service() {
    return (this.getAttribute("service") ?? "").replace(/\/$/, "");
  }

  get #sources() {
    if (this.mode !== "basket") return [this.getAttribute("product")].filter(Boolean);
    const text = this.getAttribute("products") ?? "[]";
    try {
      return JSON.parse(text);
    } catch {
      return text.split(",").map((id) => id.trim()).filter(Boolean);
    }
  }

  /** Loads once the element is about to be scrolled to; several changes at once load once. */
  #whenNear() {
    const version = ++this.#version;
    this.#near?.disconnect();
    this.#show(element("span", "\u200b", { "aria-hidden": "true" })); // an area that can be seen
    this.hidden = false;
    this.#near = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        this.#near.disconnect();
        this.#load(version).catch(() => this.#away(version));
      },
      { rootMargin: "200px" },
    );
    this.#near.observe(this);
  }

  #show(content) {
    this.shadowRoot.replaceChildren(element("style", STYLE), content);
  }

  /** Shows nothing: the service is away, or has nothing. */
  #away(version) {
    if (version !== this.#version) return;
    this.shadowRoot.replaceChildren();
    this.hidden = true;
  }

  async #get(path) {
    const limit = Number(this.getAttribute("timeout") ?? 2000);
    const answer = await fetch(this.#service + path, { signal: AbortSignal.timeout(limit) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  async #load(version) {
    const sources = this.#sources;
    if (!sources.length) return this.#away(version);
    const k = Number(this.getAttribute("k") ?? (this.mode === "together" ? 2 : 4));
    const path =
      this.mode === "basket"
        ? `/v1/basket?${sources.map((id) => `product=${encodeURIComponent(id)}`).join("&")}&k=${k}`
        : `/v1/products/${encodeURIComponent(sources[0])}/complements?k=${k}`;
    const request = this.#get(path);
    this.#money(0); // the browser loads its formats while the request is under way
    const answer = await request;
    const found = answer.complements;
    if (!found.length) return this.#away(version);
    const ids = found.map((one) => one.product_id);
    const details = await this.#detailsOf(this.mode === "together" ? [sources[0], ...ids] : ids);
    if (version !== this.#version) return;
    const start = performance.now();
    this.#render(sources, found, details);
    performance.measure("goeswith-render", { start });
    this.#watch(answer.bundle, sources, ids);
    this.dispatchEvent(new CustomEvent("goeswith-shown", { bubbles: true, detail: { ids } }));
  }

  /** Price, address and image; a product without them is shown by its title alone. */
  async #detailsOf(ids) {
    if (this.details) return this.details(ids);
    const one = async (id) => {
      try {
        return [id, (await this.#get(`/v1/products/${encodeURIComponent(id)}`)).attributes];
      } catch {
        return [id, {}];
      }
    };
    return Object.fromEntries(await Promise.all(ids.map(one)));
  }

  #product(id, shown, title) {
    const fill = (name) => this.getAttribute(name)?.replaceAll("{id}", encodeURIComponent(id));
    const price = Number.parseFloat(shown?.price);
    return {
      id,
      title: shown?.title ?? title ?? id,
      price: Number.isFinite(price) ? price : null,
      url: webAddress(fill("link") ?? shown?.url ?? shown?.link ?? "data:"),
      image: webAddress(fill("image") ?? shown?.image ?? shown?.image_link ?? "data:"),
    };
  }

  #money(amount) {
    const currency = this.getAttribute("currency");
    const style = currency ? { style: "currency", currency } : { minimumFractionDigits: 2 };
    const locale = this.closest("[lang]")?.getAttribute("lang") || undefined;
    return new Intl.NumberFormat(locale, style).format(amount);
  }

  #label(name, text) {
    return this.getAttribute(`${name}-label`) ?? text;
  }

  #card(product, extra) {
    const card = element("li");
    if (product.image) {
      card.append(element("img", "", { src: product.image, alt: "", loading: "lazy" }));
    }
    const attributes = product.url ? { href: product.url, "data-id": product.id } : {};
    const name = element(product.url ? "a" : "span", product.title, attributes);
    card.append(extra?.box ? element("label", extra.box) : "", name);
    if (extra?.box) extra.box.setAttribute("aria-label", product.title);
    if (product.price !== null) card.append(element("small", this.#money(product.price)));
    if (extra?.button) card.append(extra.button);
    return card;
  }

  #render(sources, found, details) {
    const heading = element("h2", this.getAttribute("heading") ?? HEADINGS[this.mode], {
      id: "heading",
    });
    const section = element("section", heading, { "aria-labelledby": "heading" });
    const list = element("ul", "", { role: "list" });
    const products = found.map((one) =>
      this.#product(one.product_id, details[one.product_id], one.title),
    );
    section.append(list);
    if (this.mode === "together") {
      products.unshift(this.#product(sources[0], details[sources[0]]));
      this.#together(section, list, products);
    } else {
      for (const product of products) {
        const button = element("button", this.#label("add", "Add to basket"), { type: "button" });
        button.setAttribute("aria-label", `${button.textContent}: ${product.title}`);
        button.addEventListener("click", () => this.#add([product]));
        list.append(this.#card(product, this.mode === "basket" ? { button } : null));
      }
    }
    this.#show(section);
  }

  /** A tick for each product, and the total price of those that are ticked. */
  #together(section, list, products) {
    const boxes = products.map(() => element("input", "", { type: "checkbox", checked: "" }));
    products.forEach((product, i) => list.append(this.#card(product, { box: boxes[i] })));
    const ticked = () => products.filter((_, i) => boxes[i].checked);
    const total = element("output");
    const button = element("button", this.#label("add", "Add to basket"), { type: "button" });
    const update = () => {
      const chosen = ticked();
      const sum = chosen.reduce((before, one) => before + one.price, 0);
      const known = chosen.every((one) => one.price !== null);
      total.value = known ? `${this.#label("total", "Total")}: ${this.#money(sum)}` : "";
      button.disabled = !chosen.length;
    };
    for (const box of boxes) box.addEventListener("change", update);
    button.addEventListener("click", () => this.#add(ticked()));
    section.append(element("footer", total));
    section.lastChild.append(button);
    update();
  }

  #add(products) {
    const detail = { products };
    this.dispatchEvent(new CustomEvent("goeswith-add", { bubbles: true, composed: true, detail }));
  }

  /** Sends impressions once the element is seen, and clicks. */
  #watch(bundle, sources, ids) {
    if (this.getAttribute("feedback") === "off") return;
    const event = (name, id) => ({
      event: name,
      product_id: id,
      source_id: sources[0],
      bundle,
      session_id: visitId(),
      position: ids.indexOf(id),
      event_id: unique(),
    });
    this.#seen?.disconnect();
    this.#seen = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        this.#seen.disconnect();
        const key = (id) => JSON.stringify([this.mode, bundle, sources, id]);
        const fresh = ids.filter((id) => !sent.has(key(id)));
        for (const id of fresh) sent.add(key(id));
        if (fresh.length) this.#send(fresh.map((id) => event("impression", id)));
      },
      { threshold: 0.5 },
    );
    this.#seen.observe(this);
    for (const link of this.shadowRoot.querySelectorAll("a")) {
      if (!ids.includes(link.dataset.id)) continue;
      link.addEventListener("click", () => this.#send([event("click", link.dataset.id)]), {
        once: true,
      });
    }
  }

  #send(events) {
    fetch(`${this.#service}/v1/feedback`, {
      method: "POST",
      keepalive: true, // the page may be left by the click
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ events }),
    }).catch(() => {});
  }
}

customElements.define("goes-with", GoesWith);
