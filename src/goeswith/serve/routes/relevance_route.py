"""What a product is to a query, or to another product, where a relevance model is served."""

# no postponed annotations: FastAPI reads those of functions inside functions
from pathlib import Path
from threading import Lock
from typing import Annotated

from fastapi import Body, FastAPI
from pydantic import BaseModel, Field

from goeswith.core.errors import ConfigError
from goeswith.language.salam.salam_model import Salam
from goeswith.serve.problem_details import documented
from goeswith.settings.sections import ServeSettings
from goeswith.text.product_text import MOST, clean_text

_LONGEST = 4 * MOST


class Pair(BaseModel):
    """A query, or a product in its place, and a product."""

    query: str = Field(min_length=1, max_length=_LONGEST, examples=["steel mug"])
    text: str = Field(
        "", max_length=_LONGEST, description="The product's text.", examples=["Mug of steel"]
    )
    product_id: str | None = Field(
        None, max_length=_LONGEST, description="As the model learned it, if it did."
    )
    source_id: str | None = Field(
        None, max_length=_LONGEST, description="The product that stands in the query's place."
    )
    locale: str = Field("", max_length=20, examples=["us"])


class Asked(BaseModel):
    """Pairs to be classified."""

    pairs: list[Pair] = Field(min_length=1)


class Judged(BaseModel):
    """The class of a pair."""

    label: str = Field(description="The likeliest class.", examples=["exact"])
    probabilities: dict[str, float] = Field(examples=[{"exact": 0.9, "irrelevant": 0.1}])


class Relevance(BaseModel):
    """Classes of the pairs, in the order asked."""

    pairs: list[Judged]


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route, where the settings name a model.

    Raises:
        BundleError: there is no such model.
        ConfigError: the extra `language` is not installed.
    """
    if settings.relevance is None:
        return
    model, one_at_a_time = Salam.load(Path(settings.relevance)), Lock()
    classes = model.config.classes

    @app.post("/v1/relevance", responses=documented(411, 413))
    def relevance(asked: Annotated[Asked, Body()]) -> Relevance:
        """What each product is to its query."""
        if len(asked.pairs) > settings.relevance_pairs:
            raise ConfigError(
                f"pairs: at most {settings.relevance_pairs} in one request, "
                f"{len(asked.pairs)} were sent"
            )
        queries = [clean_text(pair.query) for pair in asked.pairs]
        texts = [clean_text(pair.text) for pair in asked.pairs]
        left = [
            f"p\t{p.locale}\t{p.source_id}" if p.source_id else f"q\t{p.locale}\t{query}"
            for p, query in zip(asked.pairs, queries, strict=True)
        ]
        right = [
            f"p\t{p.locale}\t{p.product_id or text}"
            for p, text in zip(asked.pairs, texts, strict=True)
        ]
        with one_at_a_time:  # each pass takes every core
            found = model.probabilities(left, right, (queries, texts))
        return Relevance(
            pairs=[
                Judged(
                    label=classes[int(row.argmax())],
                    probabilities=dict(zip(classes, row.tolist(), strict=True)),
                )
                for row in found
            ]
        )
