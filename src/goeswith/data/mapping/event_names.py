"""Common names of events and order statuses, and texts of special meaning, from `names.toml`."""

from __future__ import annotations

from typing import Final

from goeswith.data.mapping.column_names import normalize
from goeswith.data.mapping.names_file import NAMES

EVENTS: Final = ("view", "cart", "purchase")
IGNORE: Final = "ignore"
"""Says of an event that it is no sign for or against a pair, and does not count."""

EVENT_NAMES: Final[dict[str, str]] = {
    normalize(name): event for event in (*EVENTS, IGNORE) for name in NAMES["events"][event]
}
"""Event name in logs, without case and punctuation -> event of this package, or `ignore`."""

CANCELLING_EVENTS: Final = frozenset(map(normalize, NAMES["events"]["cancelling"]))
"""Ignored events that take a purchase of the same basket back."""

IGNORED_STATUSES: Final[tuple[str, ...]] = tuple(NAMES["statuses"]["ignored"])
"""Parts of the status of an order that was not completed, or was taken back."""

COUNTED_STATUS_PARTS: Final[tuple[str, ...]] = tuple(NAMES["statuses"]["counted"])
"""Parts of a status that counts although it has a part of `IGNORED_STATUSES`."""

_VALUES: Final = {name: frozenset(texts) for name, texts in NAMES["values"].items()}
PLACEHOLDERS: Final = _VALUES["placeholders"]
"""Texts that tools write where an identifier is missing, in lower case."""
NO_CATEGORIES: Final = _VALUES["no_categories"]
"""Types and categories of products that have none, in lower case."""
TOTALS: Final = _VALUES["totals"]
"""Labels of the last line of a report, in lower case and without a colon."""
NON_PRODUCTS: Final = _VALUES["non_products"]
"""Ids or titles of order lines that are no product, in lower case."""
NON_PRODUCT_PATTERN: Final = "^(?:" + "|".join(NAMES["values"]["non_product_patterns"]) + ")$"
"""A regular expression for further ones."""
AMBIGUOUS_NON_PRODUCTS: Final = _VALUES["ambiguous_non_products"]
"""Of `NON_PRODUCTS`, those that may be products where a table of products has them."""
GUESTS: Final = _VALUES["guests"]
"""User ids that stand for many people, in lower case."""
PLACES: Final = frozenset(map(normalize, _VALUES["places"]))
"""Columns of the place where the number of a receipt is unique."""
FALSE_MARKS: Final = _VALUES["false"]
"""Values of a mark such as `cancelled` that is not set, in lower case."""
TRUE_MARKS: Final = _VALUES["true"]
"""Values of a mark that is set, in lower case."""
