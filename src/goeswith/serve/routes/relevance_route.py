"""The route for classes of query and product, or of two products."""

# no postponed annotations: FastAPI reads those of functions inside functions
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import Body, FastAPI
from pydantic import BaseModel, Field

from goeswith.core.errors import ConfigError
from goeswith.language.salam.salam_model import Salam
from goeswith.serve.problem_details import problem_responses
from goeswith.settings.serve_settings import ServeSettings
from goeswith.text.product_text import MAX_PRODUCT_LENGTH, clean_text

_MAX_LENGTH = 4 * MAX_PRODUCT_LENGTH


class RelevancePairSchema(BaseModel):
    """A query (or a product instead of it) and a product."""

    query: str = Field(
        min_length=1,
        max_length=_MAX_LENGTH,
        description="Search query, or the text of a product.",
        examples=["steel mug"],
    )
    text: str = Field(
        "",
        max_length=_MAX_LENGTH,
        description="Text of the product, such as its title.",
        examples=["Mug of steel"],
    )
    product_id: str | None = Field(
        None,
        max_length=_MAX_LENGTH,
        description="Id of the product in the training data of the model, if it was in them.",
    )
    source_id: str | None = Field(
        None, max_length=_MAX_LENGTH, description="Id of a product instead of the query."
    )
    locale: str = Field(
        "",
        max_length=20,
        description="Locale of the pair, as in the training data.",
        examples=["us"],
    )


class RelevanceRequest(BaseModel):
    """Pairs to classify."""

    pairs: list[RelevancePairSchema] = Field(min_length=1)


class RelevanceLabelSchema(BaseModel):
    """The predicted class of a pair."""

    label: str = Field(description="The most probable class.", examples=["exact"])
    probabilities: dict[str, float] = Field(
        description="Class -> probability.", examples=[{"exact": 0.9, "irrelevant": 0.1}]
    )


class RelevanceResponse(BaseModel):
    """Classes of the pairs, in the order of the request."""

    pairs: list[RelevanceLabelSchema]


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route, where the settings name a model.

    Raises:
        BundleError: there is no such model.
        ConfigError: the extra `language` is not installed.
    """
    if settings.relevance is not None:
        add_route(app, settings, Salam.load(Path(settings.relevance)))


def add_route(app: FastAPI, settings: ServeSettings, model: Salam | None) -> None:
    """Add the route; without a model it can be described and not called."""
    one_at_a_time = Lock()

    @app.post("/v1/relevance", responses=problem_responses(411, 413))
    def relevance(request: Annotated[RelevanceRequest, Body()]) -> RelevanceResponse:
        """Classify how relevant each product is to its query."""
        assert model is not None
        classes = model.config.classes
        if len(request.pairs) > settings.relevance_pairs:
            raise ConfigError(
                f"pairs: at most {settings.relevance_pairs} in one request, "
                f"{len(request.pairs)} were sent"
            )
        queries = [clean_text(pair.query) for pair in request.pairs]
        texts = [clean_text(pair.text) for pair in request.pairs]
        left = [
            f"p\t{p.locale}\t{p.source_id}" if p.source_id else f"q\t{p.locale}\t{query}"
            for p, query in zip(request.pairs, queries, strict=True)
        ]
        right = [
            f"p\t{p.locale}\t{p.product_id or text}"
            for p, text in zip(request.pairs, texts, strict=True)
        ]
        with one_at_a_time:  # each pass takes every core
            probabilities = model.probabilities(left, right, (queries, texts))
        return RelevanceResponse(
            pairs=[
                RelevanceLabelSchema(
                    label=classes[int(row.argmax())],
                    probabilities=dict(zip(classes, row.tolist(), strict=True)),
                )
                for row in probabilities
            ]
        )
