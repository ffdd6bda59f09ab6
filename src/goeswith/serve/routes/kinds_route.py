"""Routes for the table of product kinds of this package."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from goeswith.kinds.kind_record import kind_record, kind_summary
from goeswith.kinds.kind_search import kind_search
from goeswith.kinds.table import VERSION
from goeswith.serve.dependencies import CurrentSnapshot
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.responses import json_response
from goeswith.serve.routes.kind_schemas import KindResponse, KindSearchResponse
from goeswith.settings.serve_settings import ServeSettings

_MAX_KINDS = 100


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""

    @app.get("/v1/kinds", response_model=KindSearchResponse)
    def search_kinds(
        snapshot: CurrentSnapshot,
        search: Annotated[
            str,
            Query(
                min_length=1,
                max_length=200,
                description="Words of the name, in any language of the table.",
                examples=["teapot"],
            ),
        ],
        k: Annotated[
            int, Query(ge=1, le=_MAX_KINDS, description="Maximum number of kinds.", examples=[5])
        ] = 20,
    ) -> Response:
        """Search product kinds by name, best match first."""
        kinds = [kind_summary(kind) for kind in kind_search().search(search, k)]
        return json_response(snapshot.bundle, query=search, kinds=kinds)

    @app.get("/v1/kinds/{id}", response_model=KindResponse, responses=problem_responses(404))
    def kind(
        snapshot: CurrentSnapshot,
        kind_id: Annotated[
            str, Path(alias="id", description="Id of the kind.", examples=["teapot"])
        ],
    ) -> Response:
        """A product kind: its names, what goes with it and why, and its alternatives."""
        index = kind_search()
        if kind_id not in index.table.kinds:
            near = [one.id for one in index.search(kind_id.replace("_", " "), 3)]
            hint = f"did you mean {', '.join(near)}?" if near else "/v1/kinds?search= finds one"
            raise HTTPException(404, f"there is no kind {kind_id!r}; {hint}")
        record = kind_record(index.table, index.table.kinds[kind_id])
        return json_response(snapshot.bundle, table=VERSION, **record)
