"""What an explanation is made from, and what one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from goeswith.text.claims import Claim
from goeswith.text.hostile_text import remove_hostile
from goeswith.text.product_text import clean_text, product_text
from goeswith.text.product_words import FIELDS, MAX_FIELD_LENGTH

if TYPE_CHECKING:
    from goeswith.store.evidence import Evidence

TEMPLATE: Final = "template"
_MAX_PRODUCT_LENGTH: Final = 160  # characters of a product in a prompt
_INSTRUCTION: Final = (
    "Say in one short sentence why a customer who buys the first product needs the second."
)


@dataclass(frozen=True)
class ProductPair:
    """Two products and their evidence.

    Attributes:
        source: column -> value, of the queried product.
        target: the same of the answer.
        evidence: of the pair; None if there are only texts.
    """

    source: Mapping[str, Any]
    target: Mapping[str, Any]
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Explanation:
    """One sentence that explains why two products go together.

    Attributes:
        text: of which the data hold everything.
        by: `template`, or the explainer that wrote it.
        tries: number of attempts of the explainer; 0 without one.
        refused: what the sentences that were refused claimed without support.
    """

    text: str
    by: str = TEMPLATE
    tries: int = 0
    refused: tuple[Claim, ...] = ()


class Explainer(Protocol):
    """What writes sentences; what it writes is checked before anybody sees it."""

    name: str
    max_tries: int
    """Maximum number of attempts: 1 for a deterministic explainer."""

    def write(self, pairs: Sequence[ProductPair], attempt: int) -> list[str]:
        """A sentence for each pair, unchecked.

        Args:
            pairs: which.
            attempt: 0 for the likeliest sentence, from 1 others.
        """
        ...


def prompt(pair: ProductPair) -> str:
    """What a language model is shown of a pair: fields named, bounded, nothing hostile."""
    source, target = (prompt_text(record) for record in (pair.source, pair.target))
    return f"{_INSTRUCTION}\nfirst: {source}\nsecond: {target}\nreason:"


def prompt_text(record: Mapping[str, Any]) -> str:
    """One product in a prompt."""
    trusted = {
        field: remove_hostile(clean_text(record[field], MAX_FIELD_LENGTH))
        for field in FIELDS
        if record.get(field) is not None
    }
    return product_text(trusted, ("title", "type", "brand"), _MAX_PRODUCT_LENGTH)
