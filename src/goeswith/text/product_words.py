"""What the catalogue holds of a product, for claims to rest on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from goeswith.text.hostile_text import remove_hostile
from goeswith.text.product_text import clean_text
from goeswith.text.word_lists import FRAME, as_number, joined, measures, stem, words

MAX_FIELD_LENGTH: Final = 1000
"""Characters of each field that a claim may rest on."""
FIELDS: Final = ("title", "type", "brand", "categories", "description")
_MAX_DISTANCE: Final = 15  # words after "for" or "fits" that may belong to it
_ENDS: Final = re.compile(r"(?i)[,()\[\]:;.!/]|\s[-–—&+]\s|\band\b")
_OTHER: Final = re.compile(r"(?i)\b(?:with|w/|for|by|in|from|of|to|on)\b.*")
_MARKERS: Final = frozenset(
    {"for", "fit", "fits", "fitting", "compatible", "compatibility", "with", "works", "supports"}
    | {"replacement", "replaces"}
)


class ProductWords:
    """What one product's catalogue text holds. Parts of it that are hostile hold nothing.

    Args:
        record: column -> value, of `FIELDS` those that are there.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.brand = clean_text(record.get("brand"), 100).lower()
        self.type = clean_text(record.get("type"), 100).lower()
        parts = {
            field: remove_hostile(clean_text(record.get(field), MAX_FIELD_LENGTH))
            for field in FIELDS
        }
        self.text = " . ".join(part for part in parts.values() if part)
        self._phrases = " . ".join(part for name, part in parts.items() if name != "brand")
        first = words(parts["title"])[:1]
        self._source_first = stem(first[0]) if first else ""
        self.measures, _ = measures(self.text)
        self.tokens = words(self.text)
        flat = _pieces(self.text)
        self.lower = [token.lower() for token in flat]
        self._fields = [_pieces(part.lower()) for part in parts.values()]
        self.stems = {stem(token) for token in (*self.tokens, *flat)}
        numbers = map(as_number, (*self.tokens, *flat))
        self.numbers = {n for n in numbers if n} | {amount for amount, _ in self.measures}
        self.joined = {
            joined("".join(self.lower[i : i + size]))
            for size in (1, 2, 3)
            for i in range(len(self.lower) - size + 1)
        }

    @cached_property
    def heads(self) -> set[str]:
        """Stems of the words that phrases of the text end with: what the product may be.

        Words after "for", "with" and similar words belong to another thing.
        """
        parts = (_OTHER.sub("", part) for part in _ENDS.split(self._phrases))
        ends = map(words, parts)
        return {stem(end[-1]) for end in ends if end and end[-1].isalpha() and len(end[-1]) > 2}

    def about(self, word: str) -> bool:
        """Whether a single word describes the product: it begins the title, ends a phrase, or is in
        the brand; not a word inside a phrase, as in "lobster clasp".
        """
        one = stem(word)
        return one == self._source_first or one in self.heads or one in map(stem, words(self.brand))

    def contains(self, word: str) -> bool:
        """Whether the text contains a word in any of its forms."""
        if any(character.isdigit() for character in word):
            return joined(word) in self.joined
        if stem(word) in self.stems or joined(word) in self.joined:
            return True
        parts = words(re.sub(r"[-/.'’&+]", " ", word))
        return len(parts) > 1 and all(
            part.lower() in FRAME or stem(part) in self.stems for part in parts
        )

    def fits(self, claimed: set[str], other: ProductWords) -> bool:
        """Whether the text states that the product is for `claimed`, or for the other product."""
        for part, i in ((said, i) for said in self._fields for i in range(len(said))):
            if part[i] in _MARKERS:
                near = part[i + 1 : i + 1 + _MAX_DISTANCE]
                if claimed and claimed <= {stem(token) for token in near}:
                    return True
                if not claimed and any(is_name(t) and joined(t) in other.joined for t in near):
                    return True
        return False


def is_name(word: str) -> bool:
    """Whether a word looks like a name: with a capital or a digit."""
    return word[:1].isupper() or any(character.isdigit() for character in word)


def _pieces(text: str) -> list[str]:
    """The words of a text, those that are written together parted."""
    return [piece for word in words(text) for piece in words(re.sub(r"[-/.'’&+]", " ", word))]
