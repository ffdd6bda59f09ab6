"""The route of a question to the shopper."""

# no postponed annotations: FastAPI reads those of functions inside functions
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from goeswith.serve.dependencies import LocalSnapshot, ProductId, SlateConstraints
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.recommendation_schemas import SkippedSchema
from goeswith.serve.responses import json_response
from goeswith.serve.routes.products import PRODUCT_PATH
from goeswith.serve.schemas import EXAMPLE_BUILD
from goeswith.settings.serve_settings import ServeSettings


class ChoiceSchema(BaseModel):
    """An answer to a question."""

    model_config = ConfigDict(from_attributes=True)

    answer: str = Field(description="What the shopper reads.", examples=["iphone 6"])
    where: list[str] = Field(
        description="Filters of the next request, each a parameter `where`; add them to those of "
        "earlier answers.",
        examples=[["title contains iphone 6"]],
    )
    products: int = Field(description="Recommendations that meet the filters.", examples=[12])
    share: float = Field(
        description="Chance of the answer, from the scores of the recommendations.", examples=[0.4]
    )


class QuestionSchema(BaseModel):
    """A question about the recommendations of a product."""

    model_config = ConfigDict(from_attributes=True)

    attribute: str = Field(
        description="A column of the catalogue, or `device`, which is read from titles.",
        examples=["device"],
    )
    text: str = Field(description="In English.", examples=["For which device?"])
    choices: list[ChoiceSchema]
    bits: float = Field(
        description="Average reduction of the entropy of which recommendation is wanted.",
        examples=[1.58],
    )
    candidates: int = Field(description="Recommendations that it divides.", examples=[50])


class QuestionResponse(BaseModel):
    """A question about the recommendations of a product, or null."""

    bundle: str = Field(description="Id of the build.", examples=[EXAMPLE_BUILD])
    product_id: str = Field(examples=["phone-1"])
    question: QuestionSchema | None = Field(
        description="null where no attribute divides the recommendations by half a bit or more."
    )
    skipped: list[SkippedSchema] = Field(description="Filters and bans that were not applied.")


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route to a service."""

    @app.get(
        f"{PRODUCT_PATH}/question",
        response_model=QuestionResponse,
        responses=problem_responses(404),
    )
    def question(
        product_id: ProductId, snapshot: LocalSnapshot, constraints: SlateConstraints
    ) -> Response:
        """The question to the shopper that divides the complements of a product best."""
        found = snapshot.bundle.question(product_id, constraints)
        return json_response(
            snapshot.bundle, product_id=product_id, question=found.question, skipped=found.skipped
        )
