/** What a page may show of a product. */
export interface ProductDetails {
  title?: string;
  price?: number | string;
  url?: string;
  image?: string;
}

/** A product as `goeswith-add` reports it. */
export interface ShownProduct {
  id: string;
  title: string;
  price: number | null;
  url: string | null;
  image: string | null;
}

/** `<goes-with>`; attributes are in docs/how-to/storefront.md. */
export class GoesWith extends HTMLElement {
  /** Overrides what is shown of products; by default the service's attributes are. */
  details:
    | ((ids: string[]) => Record<string, ProductDetails> | Promise<Record<string, ProductDetails>>)
    | null;
  /** Filters of the request, such as `price<=20`; call `load()` after a change. */
  where: string[];
  readonly mode: "complements" | "together" | "basket";
  /** Loads the products again. */
  load(): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    "goes-with": GoesWith;
  }
  interface HTMLElementEventMap {
    "goeswith-add": CustomEvent<{ products: ShownProduct[] }>;
    "goeswith-shown": CustomEvent<{ ids: string[] }>;
  }
}
