"""What is asked about one product of the catalogue, or two."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import FastAPI, Query

from goeswith.bundle.bundle import Bundle
from goeswith.config import ServeSettings
from goeswith.serve.problems import documented
from goeswith.serve.routes.asked import Constrained, Filtered, Id, Now, ProductId, held, how_many
from goeswith.serve.shapes import (
    Brief,
    ComparisonShape,
    Complements,
    Product,
    Reverse,
    SideShape,
    Similars,
)

COMPLEMENTS = "/v1/products/{product_id:path}/complements"


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    most = settings.max_k
    few = how_many(most)

    # before the route of a product, whose path takes any end
    @app.get(COMPLEMENTS, responses=documented(404))
    def complements(
        product_id: ProductId,
        now: Now,
        asked: Constrained,
        k: int | None = few,
        model: Annotated[
            str | None,
            Query(
                max_length=500,
                description="One of the bundle's models, asked alone and now, to see it beside "
                "another.",
                examples=["popularity"],
            ),
        ] = None,
    ) -> Complements:
        """What goes with a product, best first; fewer than `k` where fewer are known."""
        bundle, count = now.bundle, held(k, most, now)
        if model is None:
            answers = bundle.complements(product_id, count, asked)
        else:
            answers = bundle.complements_by(model, product_id, count, asked)
        app.state.metrics.answered(answers)
        return Complements.model_validate(
            {"bundle": bundle.id, "product_id": product_id, "complements": answers}
        )

    @app.get("/v1/products/{product_id:path}/similars", responses=documented(404))
    def similars(product_id: ProductId, now: Now, asked: Filtered, k: int | None = few) -> Similars:
        """What stands for a product: alternatives that shoppers viewed with it, then alike ones."""
        found = now.bundle.similars(product_id, held(k, most, now), asked)
        app.state.metrics.answered(found)
        return Similars.model_validate(
            {"bundle": now.bundle.id, "product_id": product_id, "similars": found}
        )

    @app.get("/v1/products/{product_id:path}/reverse", responses=documented(404))
    def reverse(product_id: ProductId, now: Now, k: int | None = few) -> Reverse:
        """What a product goes with: the products that have it among their answers."""
        found = now.bundle.reverse(product_id, held(k, most, now))
        app.state.metrics.answered(found)
        return Reverse.model_validate(
            {"bundle": now.bundle.id, "product_id": product_id, "sources": found}
        )

    @app.get("/v1/products/{product_id:path}", responses=documented(404))
    def product(product_id: ProductId, now: Now) -> Product:
        """A product and every attribute that the catalogue has of it."""
        known = now.bundle.product(product_id)
        attributes = {name: known[name] for name in now.columns if name in known}
        return Product(bundle=now.bundle.id, product_id=product_id, attributes=attributes)

    @app.get("/v1/compare", responses=documented(404))
    def compare(now: Now, source: Id, target: Id) -> ComparisonShape:
        """What a target is to a source: relation, direction, evidence, probability, and why."""
        found = now.bundle.compare(source, target)
        return ComparisonShape(
            bundle=now.bundle.id,
            source=brief(now.bundle, source),
            target=brief(now.bundle, target),
            relation=found.relation,
            forward=SideShape.model_validate(found.forward),
            backward=SideShape.model_validate(found.backward),
            substitutes=found.substitutes,
            why=found.why,
        )


def brief(bundle: Bundle, product_id: str) -> Brief:
    """A product of the catalogue in a line."""
    known = bundle.product(product_id)
    row = bundle.products.row(product_id)
    brand, price = known.get("brand"), known.get("price")
    return Brief(
        product_id=product_id,
        title=bundle.products.title(row),
        type=bundle.products.type(row),
        brand=brand if isinstance(brand, str) else None,
        price=price if isinstance(price, int | float) else None,
    )
