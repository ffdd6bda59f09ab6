// A shop page of one product: ?product=ID&service=ADDRESS&timeout=MILLISECONDS
const given = new URLSearchParams(location.search);
const service = given.get("service") ?? "http://127.0.0.1:8000";
const product = given.get("product") ?? "866140";
const basket = new Set();
const at = (id) => document.getElementById(id);

function showBasket() {
  at("basket").textContent = `Basket: ${basket.size}`;
  at("complete").setAttribute("products", JSON.stringify([...basket]));
}

for (const element of document.querySelectorAll("goes-with")) {
  element.setAttribute("link", `?service=${encodeURIComponent(service)}&product={id}`);
  element.setAttribute("service", service);
  if (given.has("timeout")) element.setAttribute("timeout", given.get("timeout"));
  if (element.mode !== "basket") element.setAttribute("product", product);
  element.addEventListener("goeswith-add", (event) => {
    for (const one of event.detail.products) basket.add(one.id);
    showBasket();
  });
}
at("add").addEventListener("click", () => {
  basket.add(product);
  showBasket();
});
showBasket();

try {
  const answer = await fetch(`${service}/v1/products/${encodeURIComponent(product)}`);
  const { attributes } = await answer.json();
  at("title").textContent = attributes.title ?? product;
  at("price").textContent = attributes.price ?? "";
} catch {
  at("title").textContent = product; // the shop works without the service
}
