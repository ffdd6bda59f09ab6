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
    """A possible answer to a question."""

    model_config = ConfigDict(from_attributes=True)

    answer: str = Field(description="Text of the answer, for the shopper.", examples=["iphone 6"])
    where: list[str] = Field(
        description="Filters to send with the next request, each as a parameter `where`, "
        "together with those of earlier answers.",
        examples=[["title contains iphone 6"]],
    )
    products: int = Field(
        description="Number of recommendations that pass the filters.", examples=[12]
    )
    share: float = Field(
        description="Estimated probability of the answer, from the scores of the recommendations.",
        examples=[0.4],
    )


class QuestionSchema(BaseModel):
    """A question about the recommendations of a product."""

    model_config = ConfigDict(from_attributes=True)

    attribute: str = Field(
        description="Catalogue column that the question is about; `device` is read from titles.",
        examples=["device"],
    )
    text: str = Field(
        description="Text of the question, in English.", examples=["For which device?"]
    )
    choices: list[ChoiceSchema]
    bits: float = Field(
        description="Information gain of the question, in bits.",
        examples=[1.58],
    )
    candidates: int = Field(
        description="Number of recommendations that the question was chosen for.", examples=[50]
    )


class QuestionResponse(BaseModel):
    """A question about the recommendations of a product, if there is a useful one."""

    bundle: str = Field(description="Id of the build.", examples=[EXAMPLE_BUILD])
    product_id: str = Field(examples=["phone-1"])
    question: QuestionSchema | None = Field(
        description="Null if no question would gain at least 0.5 bits."
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
        """A question for the shopper that narrows down the complements of a product."""
        found = snapshot.bundle.question(product_id, constraints)
        return json_response(
            snapshot.bundle, product_id=product_id, question=found.question, skipped=found.skipped
        )
