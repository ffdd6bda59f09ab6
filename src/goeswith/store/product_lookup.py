"""Ids, titles and types of a bundle's products, read one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import UnknownProductError
from goeswith.core.mapped_arrays import MappedArrays
from goeswith.store.search_index import SearchIndex
from goeswith.store.string_array import SortedIds, StringArray, pack_strings, sorted_order

if TYPE_CHECKING:
    from goeswith.core.arrays import Rows
    from goeswith.data.catalog import Catalog

MAX_TEXT_LENGTH: Final = 500
"""Characters of a title or type that are read: what is longer is cut, and ends in …."""
MAX_REMEMBERED: Final = 20_000
"""Products whose id, title and type stay in memory once read."""
Label: TypeAlias = tuple[str, str | None, str | None]
"""Id, title and type of a product."""
K = TypeVar("K")
V = TypeVar("V")

_TITLES: ContextVar[tuple[ProductLookup, Callable[[int], str | None]] | None] = ContextVar(
    "goeswith.titles", default=None
)
"""Titles in place of those of a lookup. A request has its own, in whatever thread it runs."""


def product_arrays(catalog: Catalog) -> dict[str, npt.NDArray[Any]]:
    """What `ProductLookup` reads, from a catalogue."""
    from goeswith.data.variants import variant_codes  # scipy: only where a bundle is made

    ids = catalog.ids.to_list()
    return {
        **pack_strings("id", ids),
        **pack_strings("title", catalog.text("title") or []),
        **pack_strings("type", list(catalog.type_names)),
        "id.order": sorted_order(ids),
        "type.codes": catalog.type_codes,
        "variant.codes": variant_codes(catalog),
    }


def display_name(product_id: str, title: str | None, kind: str | None) -> str:
    """What a sentence calls a product: its title, else its type and id, else its id.

    >>> display_name("22423", "FANCY FONT BIRTHDAY CARD,", None)
    'FANCY FONT BIRTHDAY CARD'
    """
    name = (title or "").rstrip(" ,.;:")
    return name or title or (f"{kind} {product_id}" if kind else product_id)


class ProductLookup:
    """Products by id, row or words."""

    def __init__(self, arrays: MappedArrays, index: SearchIndex | None) -> None:
        self._index = index
        self.ids = StringArray.from_arrays(arrays, "id")
        self.titles = StringArray.from_arrays(arrays, "title")
        self.type_names = StringArray.from_arrays(arrays, "type")
        self.type_codes = arrays["type.codes"]
        # indexing a view gives Python's own numbers: a third of the time of an array's
        self._codes, self._groups = self.type_codes.data, arrays["variant.codes"].data
        self._type_pair: dict[int, str] = {}
        self.variant_codes = arrays["variant.codes"]
        """(n,) group of variants of one product, -1 where there are none."""
        self._sorted_ids = SortedIds(self.ids, arrays["id.order"])
        self._rows: dict[str, int] = {}
        self._labels: dict[int, Label] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, product_id: str) -> int:
        """The row of an id.

        Raises:
            UnknownProductError: with the nearest ids and titles.
        """
        row = self.find(product_id)
        if row is None:
            near = ", ".join(self.label(row) for row in self.nearest(product_id))
            hint = f"; did you mean {near}?" if near else ""
            unknown = UnknownProductError(
                f"no product {product_id!r} among the {len(self):,} of this bundle{hint}"
            )
            unknown.product_id = product_id
            raise unknown
        return row

    def find(self, product_id: str) -> int | None:
        """The row of an id; None where no product has it."""
        row = self._rows.get(product_id)
        if row is None and (row := self._sorted_ids.row(product_id)) is not None:
            remember(self._rows, product_id, row)
        return row

    def contains(self, product_id: str) -> bool:
        """Whether there is a product of that id."""
        return self._sorted_ids.row(product_id) is not None

    def variant_count(self, row: int) -> int:
        """Number of products in the variant group of a product; 1 for one without variants."""
        code = self._groups[row]
        return int(self._group_sizes[code]) if code >= 0 else 1

    @cached_property
    def _group_sizes(self) -> npt.NDArray[np.int64]:
        codes = np.asarray(self.variant_codes)
        return np.bincount(codes[codes >= 0])

    def type_code(self, name: str | None) -> int:
        """The number of a type; -1 where no product is of it."""
        codes = range(len(self.type_names))
        return next((code for code in codes if self.type_names[code] == name), -1)

    @contextmanager
    def with_titles(self, titles: Callable[[int], str | None]) -> Iterator[None]:
        """Other titles, such as those of a locale, for the calls inside the block.

        Args:
            titles: of a row; None for a product whose title stays.
        """
        token = _TITLES.set((self, titles))
        try:
            yield
        finally:
            _TITLES.reset(token)

    def title(self, row: int) -> str | None:
        """A product's title; None where it has none."""
        other = _TITLES.get()
        if other is not None and other[0] is self:
            text = other[1](row)
            if text:
                return shortened(text)
        return (_truncated(self.titles, row) or None) if len(self.titles) else None

    def type(self, row: int) -> str | None:
        """A product's type; None where it has none."""
        code = self._codes[row]
        if code < 0:
            return None
        name = self._type_pair.get(code)
        if name is None:
            name = self._type_pair[code] = _truncated(self.type_names, code)
        return name

    def id_title_type(self, row: int) -> Label:
        """Id, title and type of a product, read once while it is among those of late."""
        if _TITLES.get() is not None:
            return self.ids[row], self.title(row), self.type(row)
        label = self._labels.get(row)
        if label is None:
            label = self.ids[row], self.title(row), self.type(row)
            remember(self._labels, row, label)
        return label

    def display_name(self, row: int) -> str:
        """What a sentence calls a product."""
        return display_name(*self.id_title_type(row))

    def label(self, row: int) -> str:
        """An id, with title or type where there is one."""
        name = self.title(row) or self.type(row)
        return f"{self.ids[row]} ({name})" if name else self.ids[row]

    def nearest(self, text: str, count: int = 3) -> list[int]:
        """Rows whose id and title contain every word of `text`, with up to two typing errors."""
        return [] if self._index is None else self._index.find(text, count, every_word=True)

    def rows_with_title(self, text: str) -> Rows:
        """Rows among which all products of that title are, letters alike or not."""
        if self._index is None:
            return np.arange(len(self.ids), dtype=np.int32)
        return self._index.containing(text)

    def search(self, text: str, count: int) -> list[int]:
        """Rows of the products that a text may mean, best first: its id before all.

        Only its id where the bundle has no search index.
        """
        row = self._sorted_ids.row(text)
        matches = [] if self._index is None else self._index.find(text, count)
        return (
            matches if row is None else [row, *(other for other in matches if other != row)][:count]
        )


def remember(cache: dict[K, V], key: K, value: V) -> V:
    """Hold a value for the next time, and return it; where there are too many, all go."""
    if len(cache) >= MAX_REMEMBERED:
        cache.clear()
    cache[key] = value
    return value


def _truncated(strings: StringArray, row: int) -> str:
    raw = strings.raw(row)
    if len(raw) <= MAX_TEXT_LENGTH:
        return raw.decode("utf-8", "replace")
    return shortened(raw[: 4 * MAX_TEXT_LENGTH + 4].decode("utf-8", "ignore"))


def shortened(text: str) -> str:
    """A text of at most `MAX_TEXT_LENGTH` characters."""
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[: MAX_TEXT_LENGTH - 1]}…"
