"""Attributes that a question to a shopper can be about: kind, brand, price, device and the like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from goeswith.core.errors import ConfigError
from goeswith.facts.filters import Filter, match_rows, parse_filter
from goeswith.kinds.fit_check import device_phrases
from goeswith.query.questions.split import Split

if TYPE_CHECKING:
    import polars as pl

    Chances = npt.NDArray[np.float64]

DEVICE: Final = "device"
"""What the question about devices in titles is about."""
MAX_CHOICES: Final = 6
"""Choices of a question, without "something else"."""
_MAX_ANSWER: Final = 40
"""Characters of a value that can be read as an answer."""
_NOT_FOR_SHOPPERS: Final = frozenset(
    {"product_id", "url", "link", "image", "in_stock", "visible", "markets", "availability"}
)
_TEXTS: Final = ("title", "description")
_BANDS: Final = (1 / 3, 2 / 3)


def attribute_splits(frame: pl.DataFrame, chances: Chances) -> Iterator[Split]:
    """How each attribute divides candidates.

    Args:
        frame: (c rows) the catalogue's columns of the candidates.
        chances: (c,) chance that each is the wanted one.
    """
    import polars as pl

    for name, kind in frame.schema.items():
        if name in _NOT_FOR_SHOPPERS or name.startswith(_TEXTS):
            continue
        if name == "price" and kind.is_numeric():
            yield from _price_bands(frame)
        elif kind in (pl.String, pl.Boolean) or kind == pl.List(pl.String):
            yield from _values(frame, name, chances)
    if "title" in frame.columns:
        yield from _devices(frame, chances)


def _values(frame: pl.DataFrame, name: str, chances: Chances) -> Iterator[Split]:
    """The likeliest values of a column, if most candidates share theirs with another one."""
    weights: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for cell, chance in zip(frame[name].to_list(), chances.tolist(), strict=True):
        values = cell if isinstance(cell, list) else [cell]
        for text in {_as_text(value) for value in values if value is not None}:
            weights[text] += chance
            held[text] += 1
    shared = sum(count for count in held.values() if count > 1)
    if 2 * shared < held.total() or any(len(text) > _MAX_ANSWER for text in held):
        return
    likeliest = [text for text, _ in weights.most_common() if held[text] < frame.height]
    texts = [text for text in likeliest if _can_be_sent(Filter(column=name, op="=", value=text))]
    texts = texts[:MAX_CHOICES]
    yield from _split(
        name,
        [text.replace("_", " ") if name == "kind" else text for text in texts],
        [(Filter(column=name, op="=", value=text),) for text in texts],
        frame,
        tuple(Filter(column=name, op="!=", value=text) for text in texts),
    )


def _as_text(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value).strip()


def _can_be_sent(condition: Filter) -> bool:
    """Whether a filter is the same after it was written as text and read again."""
    try:
        return bool(condition.values[0]) and parse_filter(str(condition)) == condition
    except ConfigError:
        return False


def _price_bands(frame: pl.DataFrame) -> Iterator[Split]:
    """Three bands of about the same number of candidates."""
    prices = frame["price"].cast(float).to_numpy()
    prices = prices[np.isfinite(prices)]
    if len(prices) < len(_BANDS) + 1:
        return
    low, high = (f"{float(f'{price:.2g}'):.15g}" for price in np.quantile(prices, _BANDS))
    if low == high:
        return
    bands = [
        (Filter(column="price", op="<=", value=low),),
        (Filter(column="price", op=">", value=low), Filter(column="price", op="<=", value=high)),
        (Filter(column="price", op=">", value=high),),
    ]
    answers = [f"up to {low}", f"more than {low}, up to {high}", f"more than {high}"]
    yield from _split("price", answers, bands, frame)


def _devices(frame: pl.DataFrame, chances: Chances) -> Iterator[Split]:
    """The devices that titles say a product is for."""
    weights: Counter[str] = Counter()
    for title, chance in zip(frame["title"].to_list(), chances.tolist(), strict=True):
        for phrase in device_phrases(title or ""):
            weights[phrase] += chance
    phrases = [phrase for phrase, _ in weights.most_common(MAX_CHOICES)]
    filters = [(Filter(column="title", op="contains", value=phrase),) for phrase in phrases]
    yield from _split(DEVICE, phrases, filters, frame)


def _split(
    attribute: str,
    answers: list[str],
    filters: Sequence[tuple[Filter, ...]],
    frame: pl.DataFrame,
    others: tuple[Filter, ...] = (),
) -> Iterator[Split]:
    """The division by filters, of which those that no candidate meets are left out."""
    if not filters:
        return
    matches = np.stack([match_rows(frame, where) for where in filters], axis=1)
    met = np.flatnonzero(matches.any(axis=0)).tolist()
    if len(met) + bool(others) > 1:
        yield Split(
            attribute,
            [answers[i] for i in met],
            [filters[i] for i in met],
            matches[:, met],
            tuple(others[i] for i in met if others),
        )
