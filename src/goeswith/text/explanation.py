"""What an explanation is made from, and what one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from goeswith.text.claims import Claim
from goeswith.text.hostile_text import without_hostile
from goeswith.text.product_text import clean_text, product_text
from goeswith.text.product_words import FIELDS, READ

if TYPE_CHECKING:
    from goeswith.store.evidence import Evidence

TEMPLATE: Final = "template"
_SHOWN: Final = 160  # characters of a product in a prompt: what it is stands first
_ASK: Final = (
    "Say in one short sentence why a customer who buys the first product needs the second."
)


@dataclass(frozen=True)
class Pair:
    """Two products and what is known of them.

    Attributes:
        source: column -> value, of the product asked about.
        target: the same of the answer.
        evidence: what the data say of the two; None where there is nothing but their texts.
    """

    source: Mapping[str, Any]
    target: Mapping[str, Any]
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Explanation:
    """One sentence that says why two products go together.

    Attributes:
        text: of which the data hold everything.
        by: `template`, or the explainer that wrote it.
        tries: how often the explainer was asked; 0 where none was.
        refused: what the sentences that were refused claimed without support.
    """

    text: str
    by: str = TEMPLATE
    tries: int = 0
    refused: tuple[Claim, ...] = ()


class Explainer(Protocol):
    """What writes sentences; what it writes is checked before anybody sees it."""

    name: str
    most_tries: int
    """How often it pays to ask again: 1 where it says the same each time."""

    def write(self, pairs: Sequence[Pair], attempt: int) -> list[str]:
        """A sentence for each pair, unchecked.

        Args:
            pairs: which.
            attempt: 0 for the likeliest sentence, from 1 others.
        """
        ...


def prompt(pair: Pair) -> str:
    """What a language model is shown of a pair: fields named, bounded, nothing hostile."""
    source, target = (shown(record) for record in (pair.source, pair.target))
    return f"{_ASK}\nfirst: {source}\nsecond: {target}\nreason:"


def shown(record: Mapping[str, Any]) -> str:
    """One product in a prompt."""
    trusted = {
        field: without_hostile(clean_text(record[field], READ))
        for field in FIELDS
        if record.get(field) is not None
    }
    return product_text(trusted, ("title", "type", "brand"), _SHOWN)
