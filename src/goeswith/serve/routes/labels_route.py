"""Routes for labels of recommendations."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import Body, FastAPI, Query
from starlette.exceptions import HTTPException

from goeswith.rules.label_store import Label, LabelStore
from goeswith.serve.dependencies import CurrentSnapshot, Id
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.routes.product_changes import editor
from goeswith.serve.routes.shop_schemas import LabelsRequest, StoredLabelsResponse
from goeswith.settings.serve_settings import ServeSettings

_MAX_LABELS = 10_000


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    may_edit = editor(settings)

    @app.post("/v1/labels", responses=problem_responses(403, 404, 411, 413, 503))
    def label(
        request: Annotated[LabelsRequest, Body()],
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> StoredLabelsResponse:
        """Store labels of recommendations. The response is sent when they are on disk."""
        for one in request.labels:
            snapshot.bundle.products.row(one.source)
            snapshot.bundle.products.row(one.target)
        new = [Label(one.source, one.target, one.label, who) for one in request.labels]
        try:
            stored = LabelStore(snapshot.bundle.path).add(new)
        except OSError:
            raise HTTPException(
                503, "the disk cannot be written to; some of the labels may be stored"
            ) from None
        return StoredLabelsResponse.model_validate({"bundle": snapshot.bundle.id, "labels": stored})

    @app.get("/v1/labels")
    def labels(
        snapshot: CurrentSnapshot,
        source: Annotated[
            Id | None,
            Query(
                description="Only labels of recommendations for this product.", examples=["phone-1"]
            ),
        ] = None,
        k: Annotated[
            int,
            Query(ge=1, le=_MAX_LABELS, description="Maximum number of labels.", examples=[100]),
        ] = 1000,
    ) -> StoredLabelsResponse:
        """Current labels, newest first: the latest label of each person for each pair."""
        stored = LabelStore(snapshot.bundle.path).read()
        newest = [one for one in reversed(stored.labels) if source in {None, one.source}]
        return StoredLabelsResponse.model_validate(
            {
                "bundle": snapshot.bundle.id,
                "labels": newest[:k],
                "unreadable": stored.unreadable,
            }
        )
