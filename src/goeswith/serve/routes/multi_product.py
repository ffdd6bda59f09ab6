"""What is asked about several products, or about one that the catalogue does not hold."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query
from starlette.responses import Response

from goeswith.core.errors import UnknownProductError
from goeswith.query.bundle import MOST_IN_BASKET
from goeswith.serve.dependencies import Constrained, Now, held, how_many
from goeswith.serve.problem_details import documented
from goeswith.serve.responses import told
from goeswith.serve.schemas import (
    LONGEST_ID,
    BasketComplements,
    Batch,
    BatchAnswers,
    Complements,
    NewProduct,
    SessionAnswers,
)
from goeswith.settings.sections import ServeSettings


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    most = settings.max_k
    few = how_many(most)

    @app.get("/v1/basket", response_model=BasketComplements, responses=documented(404))
    def basket(
        product: Annotated[
            list[Annotated[str, Query(max_length=LONGEST_ID)]],
            Query(
                min_length=1,
                max_length=MOST_IN_BASKET,
                description="A product in the basket; repeatable.",
                examples=[["phone-1"]],
            ),
        ],
        now: Now,
        asked: Constrained,
        k: int | None = few,
    ) -> Response:
        """What goes with several products together, best first."""
        found = now.bundle.basket(product, held(k, most, now), asked)
        app.state.metrics.answered(found)
        return told(now.bundle, basket=list(dict.fromkeys(product)), complements=found)

    @app.get("/v1/session", response_model=SessionAnswers, responses=documented(404))
    def session(
        product: Annotated[
            list[Annotated[str, Query(max_length=LONGEST_ID)]],
            Query(
                min_length=1,
                max_length=MOST_IN_BASKET,
                description="A product that was looked at or bought, oldest first; repeatable.",
                examples=[["phone-2", "phone-1"]],
            ),
        ],
        now: Now,
        asked: Constrained,
        k: int | None = few,
    ) -> Response:
        """What comes next after several products in this order, likeliest first."""
        found = now.bundle.session(product, held(k, most, now), asked)
        app.state.metrics.answered(found)
        return told(now.bundle, session=product, next=found)

    @app.post("/v1/complements", response_model=Complements, responses=documented(404, 411, 413))
    def complements_of_new(
        new: Annotated[NewProduct, Body()], now: Now, asked: Constrained, k: int | None = few
    ) -> Response:
        """What goes with a product that the catalogue does not hold, from its attributes."""
        found = now.bundle.complements_of_new(new.attributes, held(k, most, now), asked)
        app.state.metrics.answered(found)
        product_id = str(new.attributes.get("product_id") or "new product")
        return told(now.bundle, product_id=product_id, complements=found)

    @app.post("/v1/batch", response_model=BatchAnswers, responses=documented(411, 413))
    def batch(asked: Annotated[Batch, Body()], now: Now) -> Response:
        """What goes with each of several products, in the order asked."""
        count = held(None if asked.k is None else min(asked.k, most), most, now)
        answers: list[dict[str, Any]] = []
        for product_id in asked.product_ids:
            try:
                found = now.bundle.complements(product_id, count)
                app.state.metrics.answered(found)
                answers.append({"product_id": product_id, "complements": found})
            except UnknownProductError as error:
                answers.append({"product_id": product_id, "error": str(error)})
        return told(now.bundle, answers=answers)
