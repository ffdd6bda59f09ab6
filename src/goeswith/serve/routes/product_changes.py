"""Routes that change known products without a fit."""

# no postponed annotations: FastAPI reads those of functions inside functions
from collections.abc import Sequence
from typing import Annotated

from fastapi import Body, Depends, FastAPI, Request
from starlette.exceptions import HTTPException

from goeswith.facts.fact_writer import FactChange, FactReport, FactWriter
from goeswith.serve.dependencies import CurrentSnapshot, ProductId
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.routes.products import PRODUCT_PATH
from goeswith.serve.routes.shop_schemas import (
    ProductChangeRequest,
    ProductChangesRequest,
    ProductChangesResponse,
)
from goeswith.serve.snapshot import Snapshot
from goeswith.settings.serve_settings import ServeSettings


def edit_refusal(settings: ServeSettings, name: str | None) -> str | None:
    """Why a key may not change anything; None if it may.

    Args:
        settings: of the service.
        name: of the key; None if there are no keys.
    """
    if not settings.editors:
        return "changes over HTTP are disabled: list keys in the setting serve.editors"
    if "*" not in settings.editors and name not in settings.editors:
        return "this key may not change anything; see serve.editors"
    return None


def editor(settings: ServeSettings) -> object:
    """A dependency: the name of the key that changes something; None if there are no keys."""

    async def allowed(request: Request) -> str | None:
        name: str | None = request.scope.get("key")
        refusal = edit_refusal(settings, name)
        if refusal is not None:
            raise HTTPException(403, refusal)
        return name

    return Depends(allowed)


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    refusals = problem_responses(403, 411, 413, 503)
    may_edit = editor(settings)

    @app.patch(PRODUCT_PATH, responses={**refusals, **problem_responses(404)})
    def change(
        product_id: ProductId,
        request: Annotated[ProductChangeRequest, Body()],
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> ProductChangesResponse:
        """Change price, stock, visibility or other attributes of a product.

        The response is sent when the change is on disk. Later responses use the new values.
        """
        snapshot.bundle.products.row(product_id)
        return _response(
            snapshot, write(snapshot, [FactChange(product_id, request.attributes)], who)
        )

    @app.delete(PRODUCT_PATH, responses={**refusals, **problem_responses(404)})
    def delete(
        product_id: ProductId,
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> ProductChangesResponse:
        """Delete a product: it is not shown again until it is restored or added by a fit."""
        snapshot.bundle.products.row(product_id)
        return _response(snapshot, write(snapshot, [FactChange(product_id, deleted=True)], who))

    @app.post("/v1/products", responses=refusals)
    def change_many(
        request: Annotated[ProductChangesRequest, Body()],
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> ProductChangesResponse:
        """Change, delete or restore several products. Unknown ids are skipped and reported."""
        changes = [
            FactChange(one.product_id, one.attributes, one.deleted) for one in request.products
        ]
        return _response(snapshot, write(snapshot, changes, who))


def write(snapshot: Snapshot, changes: Sequence[FactChange], who: str | None) -> FactReport:
    """Write changes.

    Raises:
        DataError: a value cannot be read.
        HTTPException: 503 where the disk refuses.
    """
    bundle = snapshot.bundle
    writer = FactWriter(bundle, bundle.live, in_background=True)
    try:
        return writer.write(changes, who=who)
    except OSError:
        raise HTTPException(
            503, "the disk cannot be written to; some of the changes may be stored"
        ) from None


def _response(snapshot: Snapshot, report: FactReport) -> ProductChangesResponse:
    return ProductChangesResponse.model_validate({"bundle": snapshot.bundle.id, **vars(report)})
