/** Gives `<goes-with question>` its question; attributes are in docs/how-to/storefront.md. */
export {};
