"""One query of every kind on a bundle, for a process that may end badly: can it be served?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError, DataError
from goeswith.query.constraints import Constraints

if TYPE_CHECKING:
    from goeswith.query.bundle import Bundle

_MAX_PRODUCTS: Final = 40
"""Products that are queried, evenly over the catalogue."""


_MAX_COLUMNS: Final = 40
"""Attributes with live values that are filtered."""


def try_queries(bundle: Bundle, *, live: bool = True) -> int:
    """Query a bundle in every way that the service does; the number of queries.

    Args:
        bundle: open.
        live: load its models first, and let them answer too.

    Raises:
        GoesWithError: the bundle is damaged.
    """
    if live:
        bundle.scorer.load()
    bundle.online = live
    count = 0
    for count, query in enumerate(_queries(bundle, live=live) if len(bundle) else (), start=1):  # noqa: B007
        # what the catalogue or the models do not allow is no damage
        with suppress(ConfigError, DataError):
            query()
    return count


def _queries(bundle: Bundle, *, live: bool) -> Iterator[Callable[[], Any]]:
    n, k = len(bundle), min(10, bundle.k)
    ids = [bundle.products.ids[row] for row in range(0, n, max(n // _MAX_PRODUCTS, 1))]
    record: dict[str, Any] = {}
    for product_id in ids:
        record = bundle.product(product_id)
        yield partial(bundle.complements, product_id, bundle.k)
        if len(bundle.reverse_arrays):
            yield partial(bundle.reverse, product_id, k)
    if len(bundle.similar_arrays):
        yield partial(bundle.similars, ids[0], k)
    yield partial(bundle.compare, ids[0], ids[-1])
    if bundle.has_search:
        yield partial(bundle.search, f"{ids[-1]} {record.get('title', '')}"[:200], 5)
    yield partial(bundle.complements, ids[0], k, Constraints.from_text(diversity=0.5, per_type=1))
    other_than_first = Constraints.from_text([f"product_id!={ids[0]}"])
    yield partial(bundle.complements, ids[-1], k, other_than_first)
    yield partial(bundle.basket, ids[:5], k)
    # live facts and rules, of which every query above has read the log
    yield partial(bundle.complements, ids[0], k, Constraints.from_text(market="de"))
    for name in [*bundle.live.columns][:_MAX_COLUMNS]:
        yield partial(bundle.complements, ids[0], k, Constraints.from_text([f"{name}!=0"]))
    if not live:
        return
    for spec in bundle.scorer.specs:
        yield partial(bundle.complements_by, spec, ids[0], k)
    if bundle.session_model is not None:
        yield partial(bundle.session, ids[:5], k)
    record.pop("product_id", None)
    yield partial(bundle.complements_of_new, record, k)
