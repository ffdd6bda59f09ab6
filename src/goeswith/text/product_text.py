"""Product text for prompts and encoders: what a shop's fields hold is data, and may be hostile.

Cleaned text has no tags, no invisible characters, no special tokens of a tokenizer or a chat
template, and a limited length. It may still contain instructions in plain words: generated text is
therefore checked (`claims.py`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog

FIELDS: Final = ("title", "type", "brand", "categories", "description")
"""The fields that a prompt shows of a product, in this order."""
MAX_PRODUCT_LENGTH: Final = 300
"""Characters of a product in a prompt, unless another limit is given."""
FIELD_SEPARATOR: Final = " | "
"""Separator of two fields; the fields themselves do not contain it."""

_FACTOR: Final = 8  # raw characters per cleaned one that are read: markup is long
_HIDDEN: Final = re.compile(r"(?is)<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
_TAG: Final = re.compile(r"<[/!?|]?[A-Za-z|_/!?][^<>]*>")
_TEMPLATES: Final = re.compile(
    r"""(?ix)
    \[ \s* /? \s* (?: INST | SYS | CLS | SEP | MASK | PAD | UNK | BOS | EOS | extra_id_\d+ ) \s* \]
    | \{\{ | \}\} | \{% | %\} | ``` | \#{2,}
    | (?: ^ | (?<=\s) ) (?: system | user | assistant | human | ai | instruction s? ) \s* :
    """
)
_SIGNS: Final = str.maketrans(dict.fromkeys("<>|▁`", " "))
_SPACES: Final = re.compile(r"\s+")
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ENTITIES: Final = 3  # an entity of an entity of an entity is no mistake


def clean_text(value: object, limit: int = MAX_PRODUCT_LENGTH) -> str:
    """One field as plain text on one line, of at most `limit` characters.

    HTML, control, bidirectional and zero-width characters, special tokens (`<...>`, `[INST]`,
    `<|im_start|>`) and the roles of chat templates (`system:`) are removed, compatibility forms
    are folded (NFKC), and `<`, `>`, `|` never remain. Cleaning twice changes nothing, so long as
    the limit cuts nothing off.

    Args:
        value: of any type; a list is joined by commas, None is an empty text.
        limit: characters at most; what is longer is cut after a word where there is one.
    """
    if value is None:
        return ""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = ", ".join(str(part) for part in value)
    text = str(value)[: max(limit, MAX_PRODUCT_LENGTH) * _FACTOR]
    before = None
    while text != before:  # a removal may create another match
        before = text
        for _ in range(_ENTITIES):
            text = html.unescape(text)
        text = unicodedata.normalize("NFKC", text)
        text = "".join(map(_visible, text))
        text = _TAG.sub(" ", _HIDDEN.sub(" ", text))
        text = _TEMPLATES.sub(" ", text).translate(_SIGNS)
        text = _SPACES.sub(" ", text).strip()
    return _cut(text, limit)


def product_text(
    record: Mapping[str, Any], fields: Sequence[str] = FIELDS, limit: int = MAX_PRODUCT_LENGTH
) -> str:
    """A product as one line, each field after its name: `title: Mug | type: Mugs`.

    Args:
        record: column -> value, as a row of the catalogue.
        fields: columns that are shown, in this order; those missing or empty are left out.
        limit: characters at most, names included: the first fields have what they need.
    """
    parts: list[str] = []
    left = limit
    for field in fields:
        head = ("" if not parts else FIELD_SEPARATOR) + f"{field}: "
        text = clean_text(record.get(field), left - len(head)) if left > len(head) else ""
        if text:
            parts.append(f"{head}{text}")
            left -= len(parts[-1])
    return "".join(parts)


def product_texts(catalog: Catalog, limit: int = MAX_PRODUCT_LENGTH) -> list[str]:
    """What an encoder reads of every product, in row order.

    The title if there is one, else type, categories and brand; empty if there are none.
    """
    rest = [name for name in ("type", "categories", "brand") if name in catalog.frame.columns]
    names = [*(["title"] if "title" in catalog.frame.columns else []), *rest]
    texts = []
    for row in catalog.frame.select("product_id", *names).iter_rows(named=True):
        title = clean_text(row.get("title"), limit)
        others = (clean_text(row[name], limit) for name in rest)
        texts.append(title or _cut(", ".join(filter(None, others)), limit))
    return texts


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE_CATEGORIES:
        return character
    # a tab or a new line parts words; what has no width parts none
    return " " if character.isspace() else ""


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    head = text[:limit]
    if not text[limit].isspace():
        head = head.rpartition(" ")[0] or head
    return head.rstrip()
