"""The words of a title, an id or a query, alike however they are written.

Upper and lower case, accents and width are folded. Scripts that put no spaces between words (Han,
kana, Thai, Lao, Khmer, Myanmar) give pairs of neighbouring characters instead of words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_TEXT_LENGTH: Final = 2000
"""Characters of a text that are read."""
MAX_WORD_LENGTH: Final = 40
"""Characters of a word that are compared."""
MAX_WORDS: Final = 100
"""Distinct words of a text that are indexed."""

_ASCII_WORD: Final = re.compile("[a-z0-9]+")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_UNSPACED_RUN: Final = re.compile(f"[{_UNSPACED}]")


def fold_case(text: str) -> str:
    """A text without case, character width and accents."""
    if text.isascii():
        return text.lower()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", plain)


def index_words(text: str) -> list[str]:
    """The distinct words of a text for the index, in order.

    >>> index_words("Crème brûlée-Set 4er")
    ['creme', 'brulee', 'set', '4er']
    >>> index_words("卓上ランプ")
    ['卓上', '上ラ', 'ラン', 'ンプ', 'プ']
    """
    return _distinct_words(text, ends=True)


def query_words(text: str) -> list[str]:
    """The distinct words of a query: as `index_words`, but a run's last character is not alone.

    >>> query_words("ランプ")
    ['ラン', 'ンプ']
    """
    return _distinct_words(text, ends=False)


def single_word(text: str) -> str:
    """A text as one word, so that ids with punctuation match as a unit.

    >>> single_word("Phone-1")
    'phone-1'
    """
    return fold_case(text[:MAX_TEXT_LENGTH].strip())[:MAX_WORD_LENGTH]


def _distinct_words(text: str, *, ends: bool) -> list[str]:
    plain = fold_case(text[:MAX_TEXT_LENGTH])
    if plain.isascii():
        words = _ASCII_WORD.findall(plain)
    else:
        # marks belong to their word: vowel signs of Indic scripts are no letters
        letters = "".join(
            c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain
        )
        words = [
            word
            for part in letters.split()
            for run in _RUN.findall(part)
            for word in (_character_pairs(run, ends=ends) if _UNSPACED_RUN.match(run) else [run])
        ]
    return list(dict.fromkeys(word[:MAX_WORD_LENGTH] for word in words))[:MAX_WORDS]


def _character_pairs(run: str, *, ends: bool) -> list[str]:
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    return [*pairs, run[-1]] if ends or not pairs else pairs
