"""What is asked about one product of the catalogue, or two."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

from goeswith.serve.dependencies import Constrained, Filtered, Id, Now, ProductId, held, how_many
from goeswith.serve.problem_details import documented
from goeswith.serve.responses import told
from goeswith.serve.schemas import (
    ComparisonShape,
    Complements,
    Product,
    Reverse,
    Similars,
)
from goeswith.settings.sections import ServeSettings

OF = "/v1/products/{product_id:path}"


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    most = settings.max_k
    few = how_many(most)

    # before the route of a product, whose path takes any end
    @app.get(f"{OF}/complements", response_model=Complements, responses=documented(404))
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
    ) -> Response:
        """What goes with a product, best first; fewer than `k` where fewer are known."""
        bundle, count = now.bundle, held(k, most, now)
        if model is None:
            answers = bundle.complements(product_id, count, asked)
        else:
            answers = bundle.complements_by(model, product_id, count, asked)
        app.state.metrics.answered(answers)
        return told(bundle, product_id=product_id, complements=answers)

    @app.get(
        "/v1/products/{product_id:path}/similars",
        response_model=Similars,
        responses=documented(404),
    )
    def similars(product_id: ProductId, now: Now, asked: Filtered, k: int | None = few) -> Response:
        """What stands for a product: alternatives that shoppers viewed with it, then alike ones."""
        found = now.bundle.similars(product_id, held(k, most, now), asked)
        app.state.metrics.answered(found)
        return told(now.bundle, product_id=product_id, similars=found)

    @app.get(
        "/v1/products/{product_id:path}/reverse", response_model=Reverse, responses=documented(404)
    )
    def reverse(product_id: ProductId, now: Now, k: int | None = few) -> Response:
        """What a product goes with: the products that have it among their answers."""
        found = now.bundle.reverse(product_id, held(k, most, now))
        app.state.metrics.answered(found)
        return told(now.bundle, product_id=product_id, sources=found)

    @app.get(OF, responses=documented(404))
    def product(product_id: ProductId, now: Now) -> Product:
        """A product and every attribute that the catalogue has of it."""
        known = now.bundle.product(product_id)
        attributes = {name: known[name] for name in now.columns if name in known}
        return Product(bundle=now.bundle.id, product_id=product_id, attributes=attributes)

    @app.get("/v1/compare", response_model=ComparisonShape, responses=documented(404))
    def compare(
        now: Now,
        source: Annotated[Id, Query(examples=["phone-1"])],
        target: Annotated[Id, Query(examples=["case-1"])],
    ) -> Response:
        """What a target is to a source: relation, direction, evidence, probability, and why."""
        found = now.bundle.compare(source, target)
        rows = [now.bundle.products.row(product_id) for product_id in (source, target)]
        first, second = now.bundle.table.briefs(rows)
        return told(now.bundle, source=first, target=second, **vars(found))
