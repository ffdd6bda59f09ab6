"""Parameters that several routes share."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request
from fastapi import Path as InPath

from goeswith.core.errors import ConfigError
from goeswith.query.constraints import MOST_FILTERS, Constraints
from goeswith.query.filters import LONGEST
from goeswith.serve.schemas import LONGEST_ID
from goeswith.serve.snapshot import TAKEN, Current

_FEW: Final = 100
"""Bans and pins of one request; more would not fit an address."""


# a coroutine, as all that is asked for here: FastAPI runs what is none in a thread of its own, and
# the way there and back costs more than the work
async def taken(request: Request) -> Current:
    """What the request took at its start."""
    current: Current = request.scope[TAKEN]
    return current


Now = Annotated[Current, Depends(taken)]
ProductId = Annotated[
    str, InPath(description="As in the catalogue; may hold slashes.", examples=["phone-1"])
]
Id = Annotated[str, Query(min_length=1, max_length=LONGEST_ID)]
Bans = Annotated[
    list[Id],
    Query(
        max_length=_FEW,
        description="A product that shall not be among the answers; repeatable.",
        examples=[["case-2"]],
    ),
]
Pins = Annotated[
    list[Id],
    Query(
        max_length=_FEW,
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
    list[Annotated[str, Query(max_length=LONGEST)]],
    Query(
        max_length=MOST_FILTERS,
        description="A filter on attributes, such as `price<=20`, `in_stock=true`, "
        "`brand in Mu|Nu` or `title contains steel`; repeatable.",
        examples=[["price<=20"]],
    ),
]


async def _filtered(where: Where = [], ban: Bans = []) -> Constraints | None:  # noqa: B006
    return Constraints.of(where, ban) if where or ban else None


async def _constraints(
    where: Where = [],  # noqa: B006  FastAPI copies defaults
    ban: Bans = [],  # noqa: B006
    pin: Pins = [],  # noqa: B006
    per_type: PerType = None,
    diversity: Diversity = None,
) -> Constraints | None:
    if not (where or ban or pin) and per_type is None and diversity is None:
        return None
    return Constraints.of(where, ban, pin, per_type, diversity)


Filtered = Annotated[Constraints | None, Depends(_filtered)]
Constrained = Annotated[Constraints | None, Depends(_constraints)]


def how_many(most: int) -> Any:
    """The parameter `k`, where the settings allow `most`."""
    described = "How many answers; 10 unless given, or what the bundle holds."
    return Query(None, ge=1, le=most, description=described, examples=[5])


def held(k: int | None, most: int, current: Current) -> int:
    """How many to answer; `most` is what the settings allow.

    Raises:
        ConfigError: more were asked for than the bundle holds.
    """
    if k is None:
        return min(10, most, current.bundle.k)
    if k > current.bundle.k:
        raise ConfigError(
            f"k: this bundle holds {current.bundle.k} answers a product, {k} were asked for; ask "
            "for fewer"
        )
    return k
