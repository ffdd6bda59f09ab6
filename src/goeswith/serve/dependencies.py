"""FastAPI dependencies: the snapshot of a request, and parameters of several routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from goeswith.core.errors import ConfigError
from goeswith.facts.filters import MAX_FILTER_LENGTH
from goeswith.query.constraints import MAX_FILTERS, Constraints
from goeswith.serve.schemas import MAX_ID_LENGTH
from goeswith.serve.snapshot import SNAPSHOT_KEY, Snapshot

_MAX_IDS: Final = 100
"""Maximum number of bans or pins of one request, which are part of the URL."""


# coroutines: FastAPI runs plain functions in a thread pool, which takes longer than their work
async def current_snapshot(request: Request) -> Snapshot:
    """The snapshot of the request."""
    snapshot: Snapshot = request.scope[SNAPSHOT_KEY]
    return snapshot


CurrentSnapshot = Annotated[Snapshot, Depends(current_snapshot)]


async def _snapshot_in_locale(
    request: Request,
    locale: Annotated[
        str | None,
        Query(
            min_length=2,
            max_length=20,
            description="Language of titles, such as `de` if the catalogue has a column "
            "`title_de`.",
            examples=[None],
        ),
    ] = None,
) -> AsyncIterator[Snapshot]:
    """The snapshot of the request, whose products have titles of a locale until its end."""
    snapshot = await current_snapshot(request)
    with snapshot.bundle.in_locale(locale):
        yield snapshot


LocalSnapshot = Annotated[Snapshot, Depends(_snapshot_in_locale)]
ProductId = Annotated[
    str,
    InPath(
        description="Product id as in the catalogue; may contain slashes.", examples=["phone-1"]
    ),
]
Id = Annotated[str, Query(min_length=1, max_length=MAX_ID_LENGTH)]
Bans = Annotated[
    list[Id],
    Query(
        max_length=_MAX_IDS,
        description="Id of a product to exclude; repeatable.",
        examples=[["case-2"]],
    ),
]
Pins = Annotated[
    list[Id],
    Query(
        max_length=_MAX_IDS,
        description="Id of a product to show first; repeatable, in the given order.",
        examples=[["case-3"]],
    ),
]
PerType = Annotated[
    int | None,
    Query(
        ge=1,
        le=1000,
        description="Maximum number of recommendations per product type. Default: no limit, or "
        "that of the bundle.",
        examples=[2],
    ),
]
Diversity = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="How strongly further products of one type are moved down, from 0 (not at "
        "all) to 1. Default: 0, or that of the bundle.",
        examples=[0.3],
    ),
]
Where = Annotated[
    list[Annotated[str, Query(max_length=MAX_FILTER_LENGTH)]],
    Query(
        max_length=MAX_FILTERS,
        description="Recommend only products that pass this filter: `price<=20`, "
        "`in_stock=true`, `brand in Mu|Nu` or `title contains steel`. Repeatable; products must "
        "pass all filters.",
        examples=[["price<=20"]],
    ),
]


Include = Annotated[
    list[Literal["sold_out", "hidden"]],
    Query(
        max_length=2,
        description="Also recommend sold-out or hidden products; repeatable.",
        examples=[["sold_out"]],
    ),
]
Market = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        description="Recommend only products of this market, and apply its rules.",
        examples=["de"],
    ),
]
WhenSoldOut = Annotated[
    int | None,
    Query(
        ge=0,
        le=1000,
        description="If the product is sold out, show this many of its alternatives first.",
        examples=[3],
    ),
]


async def _request_market(request: Request, market: Market = None) -> str | None:
    """The market of a request: that of its key, if the key has one.

    Raises:
        HTTPException: the request is for another market than its key.
    """
    own: str | None = request.app.state.key_markets.get(request.scope.get("key"))
    if own is None:
        return market
    if market is not None and market.strip().lower() != own.strip().lower():
        raise HTTPException(403, f"this key is for the market {own!r}; see serve.key_markets")
    return own


RequestMarket = Annotated[str | None, Depends(_request_market)]


async def key_constraints(request: Request) -> Constraints | None:
    """The market of the key, for routes without parameters."""
    market = await _request_market(request)
    return None if market is None else Constraints.from_text(market=market)


KeyConstraints = Annotated[Constraints | None, Depends(key_constraints)]


async def _filter_constraints(
    where: Where = [],  # noqa: B006  FastAPI copies defaults
    ban: Bans = [],  # noqa: B006
    include: Include = [],  # noqa: B006
    market: RequestMarket = None,
) -> Constraints | None:
    if not (where or ban or include or market):
        return None
    return Constraints.from_text(where, ban, include=include, market=market)


async def _slate_constraints(  # noqa: PLR0917
    where: Where = [],  # noqa: B006
    ban: Bans = [],  # noqa: B006
    pin: Pins = [],  # noqa: B006
    per_type: PerType = None,
    diversity: Diversity = None,
    include: Include = [],  # noqa: B006
    market: RequestMarket = None,
    when_sold_out: WhenSoldOut = None,
) -> Constraints | None:
    constraints = Constraints.from_text(
        where, ban, pin, per_type, diversity, include, market, when_sold_out
    )
    return None if constraints.is_empty else constraints


FilterConstraints = Annotated[Constraints | None, Depends(_filter_constraints)]
SlateConstraints = Annotated[Constraints | None, Depends(_slate_constraints)]


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have, or that are repeated without a list.

    Raises:
        RequestValidationError: the message of each states the nearest parameter.
    """
    if not request.scope["query_string"]:
        return
    parameters = _parameters(request)
    counts = Counter(name for name, _ in request.query_params.multi_items())
    errors = [
        {
            "loc": ("query", name),
            "msg": f"unknown parameter; {_hint(name, [*parameters])}",
            "type": "unknown_parameter",
        }
        for name in counts
        if name not in parameters
    ]
    errors += [
        {
            "loc": ("query", name),
            "msg": f"the parameter is given {count} times; give it once",
            "type": "repeated_parameter",
        }
        for name, count in counts.items()
        if count > 1 and not parameters.get(name, True)
    ]
    if errors:
        raise RequestValidationError(errors)


def _parameters(request: Request) -> dict[str, bool]:
    """Query parameters of a request's route -> whether it is a list, from the OpenAPI schema."""
    path = request.app.openapi()["paths"][request.scope["route"].path_format]
    parameters = path[request.method.lower()].get("parameters", [])
    return {
        parameter["name"]: parameter["schema"].get("type") == "array"
        for parameter in parameters
        if parameter["in"] == "query"
    }


def _hint(name: str, parameters: list[str]) -> str:
    if not parameters:
        return "this path has no parameters"
    near = get_close_matches(name, parameters, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"the parameters are {', '.join(parameters)}"


def k_parameter(max_k: int) -> Any:
    """The parameter `k` of a route, at most `max_k`."""
    description = (
        "Maximum number of recommendations. Default: 10, or fewer if the bundle stores fewer."
    )
    return Query(None, ge=1, le=max_k, description=description, examples=[5])


def resolve_k(k: int | None, max_k: int, snapshot: Snapshot) -> int:
    """The number of recommendations; `max_k` is the limit of the settings.

    Raises:
        ConfigError: the bundle stores fewer.
    """
    if k is None:
        return min(10, max_k, snapshot.bundle.k)
    if k > snapshot.bundle.k:
        raise ConfigError(
            f"k: this bundle stores {snapshot.bundle.k} recommendations per product, but k is {k}; "
            "use a smaller k"
        )
    return k
