"""Common names of columns, from `names.toml`."""

from __future__ import annotations

import re
from typing import Final

from goeswith.data.mapping.names_file import NAMES

COLUMNS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    table: {ours: tuple(names) for ours, names in columns.items()}
    for table, columns in NAMES["columns"].items()
}
"""Table -> column of goeswith -> common names, the most likely first."""

_WORDS: Final = {name: frozenset(words) for name, words in NAMES["lookalikes"].items()}
ID_WORDS: Final = _WORDS.pop("id_words")
"""Words that end the name of an identifier."""
PROPERTY_WORDS: Final = _WORDS.pop("no_event")
"""Words that end the name of a property of an event."""
LOOKALIKES: Final = _WORDS
"""Column of the events -> words of a name that looks like it."""


def normalize(name: str) -> str:
    """A name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())


def words(name: str) -> list[str]:
    """The words of a name: `orderDate`, `order_date` and `Order date` have two."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]
