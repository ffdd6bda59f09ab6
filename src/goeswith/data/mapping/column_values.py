"""What the values of a column look like, from a sample of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import polars as pl

from goeswith.data.mapping.column_names import normalize
from goeswith.data.mapping.event_names import EVENT_NAMES, IGNORE

_SAMPLE: Final = 1000
_CLOCK: Final = re.compile(r"^\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]m)?$", re.IGNORECASE)
_DATE: Final = re.compile(
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|(19|20)\d{6})$"
)
_MOMENT: Final = re.compile(
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))[T, ]+\d{1,2}:\d{2}"
)
_MAX_EVENT_NAMES: Final = 40
_LEAST_UNIX: Final = 631_152_000
"""Unix time of 1990."""

TimeKind = Literal["moment", "date", "clock", "number", "none"]


def sample(values: pl.Series) -> list[str]:
    """Some values that are not missing, as text: from the start, the middle and the end."""
    step = max(len(values) // _SAMPLE, 1)
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Duration, pl.Object):
        return []
    texts = values.gather_every(step).head(_SAMPLE).cast(pl.String, strict=False).drop_nulls()
    return [text for text in texts.str.strip_chars().to_list() if text]


def time_kind(values: pl.Series) -> TimeKind:
    """Whether a column holds moments, dates, times of day, or numbers that may be unix times."""
    kinds: dict[Any, TimeKind] = {pl.Datetime: "moment", pl.Date: "date", pl.Time: "clock"}
    if values.dtype.base_type() in kinds:
        return kinds[values.dtype.base_type()]
    texts = sample(values)
    if not texts:
        return "none"
    patterns: dict[TimeKind, re.Pattern[str]] = {"clock": _CLOCK, "date": _DATE, "moment": _MOMENT}
    for kind, pattern in patterns.items():
        if sum(bool(pattern.match(text)) for text in texts) >= 0.9 * len(texts):
            return kind
    if sum(bool(_DATE.match(t) or _MOMENT.match(t)) for t in texts) >= 0.9 * len(texts):
        return "moment"
    return "number" if _are_unix_times(texts) else "none"


def _are_unix_times(texts: list[str]) -> bool:
    numbers = [float(text) for text in texts if re.fullmatch(r"\d{9,19}(\.\d+)?", text)]
    return len(numbers) >= 0.9 * len(texts) and all(n >= _LEAST_UNIX for n in numbers)


def event_name(text: str) -> str:
    """The name of an event without case, spaces and punctuation."""
    return normalize(text)


def event_share(values: pl.Series, names: Mapping[str, str]) -> float:
    """Share of a column's values that are names of events, 0 if none of them is a view or cart.

    Args:
        values: the column.
        names: further names -> event.
    """
    if values.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return 0.0
    texts = [event_name(text) for text in sample(values)]
    if not texts or len(set(texts)) > _MAX_EVENT_NAMES:
        return 0.0
    extra = {event_name(name): event for name, event in names.items()}
    events = [extra.get(text, EVENT_NAMES.get(text)) for text in texts]
    if not {"view", "cart"} & set(events):
        return 0.0
    counted = [event for event in events if event is not None]
    return len(counted) / len(texts) if set(counted) - {IGNORE} else 0.0


def are_numbers(values: pl.Series) -> bool:
    """Whether most values are numbers."""
    if values.dtype.is_numeric():
        return True
    texts = sample(values)
    matches = sum(bool(re.fullmatch(r"-?[\d.,]+", text)) for text in texts)
    return bool(texts) and matches >= 0.9 * len(texts)
