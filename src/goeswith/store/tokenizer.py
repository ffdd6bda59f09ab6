"""The words of a title, an id or a query, alike however they are written.

Upper and lower case, accents and width are folded. Scripts that put no spaces between words (Han,
kana, Thai, Lao, Khmer, Myanmar) give pairs of neighbouring characters instead of words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_TEXT: Final = 2000
"""Characters of a text that are read."""
LONGEST_WORD: Final = 40
"""Characters by which words are told apart."""
MOST_WORDS: Final = 100
"""Distinct words of a text that are kept."""

_ASCII_WORD: Final = re.compile("[a-z0-9]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_RUN: Final = re.compile(f"[{_UNSPACED}]")


def folded(text: str) -> str:
    """A text without what tells upper from lower case, wide from narrow, accents from none."""
    if text.isascii():
        return text.lower()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", plain)


def words_of(text: str) -> list[str]:
    """The distinct words of a text, in order: what an index keeps of it.

    >>> words_of("Crème brûlée-Set 4er")
    ['creme', 'brulee', 'set', '4er']
    >>> words_of("卓上ランプ")
    ['卓上', '上ラ', 'ラン', 'ンプ', 'プ']
    """
    return _distinct(text, ends=True)


def asked_words(text: str) -> list[str]:
    """The distinct words of a query: as `words_of`, but a run's last character is not alone.

    >>> asked_words("ランプ")
    ['ラン', 'ンプ']
    """
    return _distinct(text, ends=False)


def whole_word(text: str) -> str:
    """A text as one word: ids are found by it, whatever signs they hold.

    >>> whole_word("Phone-1")
    'phone-1'
    """
    return folded(text[:LONGEST_TEXT].strip())[:LONGEST_WORD]


def _distinct(text: str, *, ends: bool) -> list[str]:
    plain = folded(text[:LONGEST_TEXT])
    if plain.isascii():
        found = _ASCII_WORD.findall(plain)
    else:
        # marks belong to their word: vowel signs of Indic scripts are no letters
        kept = "".join(
            c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain
        )
        found = [
            word
            for part in kept.split()
            for run in _RUN.findall(part)
            for word in (_pairs(run, ends=ends) if _UNSPACED_RUN.match(run) else [run])
        ]
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in found))[:MOST_WORDS]


def _pairs(run: str, *, ends: bool) -> list[str]:
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    return [*pairs, run[-1]] if ends or not pairs else pairs
