"""What a format of a shop system needs: which ids it takes, and the text of its file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple


class ProductList(NamedTuple):
    """A product and what goes with it, by the ids of the shop; an empty list clears the old one.

    Attributes:
        product_id: the product.
        complements: best first.
    """

    product_id: str
    complements: list[str]


@dataclass(frozen=True)
class ShopFormat:
    """A file format.

    Attributes:
        name: as in `SHOP_FORMATS`.
        max_k: complements of a product that the platform takes at most.
        id_problem: why the platform cannot take an id; None if it can.
        text: the parts of the file, for lists of at most so many complements.
        only_bought_together: whether the platform states that customers bought the pair, so that
            pairs without a common purchase are left out.
    """

    name: str
    max_k: int
    id_problem: Callable[[str], str | None]
    text: Callable[[Iterable[ProductList], int], Iterator[str]]
    only_bought_together: bool = False


def in_batches(lists: Iterable[ProductList], size: int) -> Iterator[list[ProductList]]:
    """Lists in batches of `size`; the last one may be smaller."""
    remaining = iter(lists)
    while batch := list(islice(remaining, size)):
        yield batch
