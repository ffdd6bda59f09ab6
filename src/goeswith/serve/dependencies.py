"""Parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request
from fastapi import Path as InPath

from goeswith.core.errors import ConfigError
from goeswith.query.constraints import MAX_FILTERS, Constraints
from goeswith.query.filters import MAX_FILTER_LENGTH
from goeswith.serve.schemas import MAX_ID_LENGTH
from goeswith.serve.snapshot import SNAPSHOT_KEY, Snapshot

_MAX_IDS: Final = 100
"""Bans and pins of one request; more would not fit an address."""


# a coroutine, as all that is asked for here: FastAPI runs what is none in a thread of its own, and
# the way there and back costs more than the work
async def current_snapshot(request: Request) -> Snapshot:
    """What the request took at its start."""
    snapshot: Snapshot = request.scope[SNAPSHOT_KEY]
    return snapshot


CurrentSnapshot = Annotated[Snapshot, Depends(current_snapshot)]
ProductId = Annotated[
    str, InPath(description="As in the catalogue; may hold slashes.", examples=["phone-1"])
]
Id = Annotated[str, Query(min_length=1, max_length=MAX_ID_LENGTH)]
Bans = Annotated[
    list[Id],
    Query(
        max_length=_MAX_IDS,
        description="A product that shall not be among the answers; repeatable.",
        examples=[["case-2"]],
    ),
]
Pins = Annotated[
    list[Id],
    Query(
        max_length=_MAX_IDS,
        description="A product that shall come first, in the order given; repeatable.",
        examples=[["case-3"]],
    ),
]
PerType = Annotated[
    int | None,
    Query(ge=1, le=1000, description="At most so many answers of one type.", examples=[2]),
]
Diversity = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="How much less each further product of one type counts.",
        examples=[0.3],
    ),
]
Where = Annotated[
    list[Annotated[str, Query(max_length=MAX_FILTER_LENGTH)]],
    Query(
        max_length=MAX_FILTERS,
        description="A filter on attributes, such as `price<=20`, `in_stock=true`, "
        "`brand in Mu|Nu` or `title contains steel`; repeatable.",
        examples=[["price<=20"]],
    ),
]


async def _filter_constraints(where: Where = [], ban: Bans = []) -> Constraints | None:  # noqa: B006
    return Constraints.from_text(where, ban) if where or ban else None


async def _slate_constraints(
    where: Where = [],  # noqa: B006  FastAPI copies defaults
    ban: Bans = [],  # noqa: B006
    pin: Pins = [],  # noqa: B006
    per_type: PerType = None,
    diversity: Diversity = None,
) -> Constraints | None:
    if not (where or ban or pin) and per_type is None and diversity is None:
        return None
    return Constraints.from_text(where, ban, pin, per_type, diversity)


FilterConstraints = Annotated[Constraints | None, Depends(_filter_constraints)]
SlateConstraints = Annotated[Constraints | None, Depends(_slate_constraints)]


def k_parameter(max_k: int) -> Any:
    """The parameter `k`, where the settings allow `max_k`."""
    description = "How many answers; 10 unless given, or what the bundle holds."
    return Query(None, ge=1, le=max_k, description=description, examples=[5])


def resolve_k(k: int | None, max_k: int, snapshot: Snapshot) -> int:
    """How many to answer; `max_k` is what the settings allow.

    Raises:
        ConfigError: more were asked for than the bundle holds.
    """
    if k is None:
        return min(10, max_k, snapshot.bundle.k)
    if k > snapshot.bundle.k:
        raise ConfigError(
            f"k: this bundle holds {snapshot.bundle.k} answers a product, {k} were asked for; ask "
            "for fewer"
        )
    return k
