"""Names of kinds in other languages, found in titles.

No language is detected: the names of all languages are looked for, without those that are an
English phrase or a word of one, too. In languages with spaces a name
is a run of words, in the singular or a plural of its language; the last part of a compound word
counts, too (German `Keramiktasse`). In Japanese a name is a run of characters of the title as it
is, at the end of its run of katakana or kanji, for the head of a compound stands last.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from goeswith.kinds.phrases import plain, singular
from goeswith.kinds.table import KindTable

WITHOUT_SPACES: Final = ("ja",)
"""Languages that write no spaces."""
HEAD_LAST: Final = ("de",)
"""Languages whose compounds are one word or have the head last; in the others it is the first."""
_TOKEN: Final = re.compile(r"[^\W_]+")
_PREPOSITIONS: Final = {
    "de": frozenset({"fur", "mit", "aus", "von", "ohne", "zum", "zur", "passend"}),
    "es": frozenset({"de", "del", "para", "con", "sin", "en"}),
    "fr": frozenset({"de", "d", "du", "des", "pour", "avec", "sans", "en"}),
    "it": frozenset({"di", "da", "del", "della", "dei", "per", "con", "senza", "in"}),
}
"""Words behind which a title of a language says for what, with what or of what."""
_ANY_PREPOSITION: Final = re.compile(
    r"\b(?:{})\b".format("|".join(sorted({"für", *frozenset().union(*_PREPOSITIONS.values())}))),
    re.IGNORECASE,
)
_SEGMENT: Final = re.compile(r"(\s[-–—]\s|[,;|()\[\]{}:•*/])")
_MODIFIER: Final = 0.2
_COMPOUND: Final = 0.8
"""What the last part of a compound counts."""
_MIN_COMPOUND: Final = 5
"""Letters of the last part of a compound."""
# fmt: off
_FUNCTION_WORDS: Final = frozenset((
    "de", "da", "di", "del", "della", "dei", "du", "des", "d", "la", "le", "les", "el", "los",
    "las", "et", "y", "e", "a", "al", "alla", "au", "aux", "en", "in", "per", "pour", "para", "con",
    "sans", "senza", "sin", "l",
))
# fmt: on
"""Words of names that have no plural."""
_FOR: Final = ("用", "対応", "専用", "向け", "型")
"""Behind a Japanese name they make it a modifier."""
_MIN_CHARACTERS: Final = 2
_LOOSE_CHARACTERS: Final = 3
"""Characters from which a Japanese name may be the last part of a longer run."""

_Trie: TypeAlias = dict[str, Any]
_HERE: Final = ""


@dataclass(frozen=True)
class NameMatch:
    """A name in another language found in a title.

    Attributes:
        kind: that it names.
        text: as it stands in the title.
        score: how well it says what the product is.
        position: head, main or modifier.
        language: of the name.
    """

    kind: str
    text: str
    score: float
    position: str
    language: str


class ForeignNames:
    """The names of a table in other languages than English."""

    def __init__(self, table: KindTable, anchors: set[tuple[str, ...]]) -> None:
        """Read the names.

        Args:
            table: of kinds with names.
            anchors: words of the English phrases that stand next to each other, in the singular.
        """
        # English phrases decide what their words mean
        self._english = anchors | {(word,) for anchor in anchors for word in anchor}
        self._trie: _Trie = {}
        self._words: dict[str, list[tuple[str, str]]] = {}
        self._strings: dict[str, list[tuple[str, str]]] = {}
        for language, names in table.names.items():
            for kind, texts in names.items():
                for text in texts:
                    self._add(language, kind, text)
        self._longest = max(map(len, self._strings), default=0)

    def _add(self, language: str, kind: str, text: str) -> None:
        if language in WITHOUT_SPACES:
            name = unicodedata.normalize("NFKC", text).lower()
            if len(name) >= _MIN_CHARACTERS:
                self._strings.setdefault(name, []).append((kind, language))
            return
        parts = _tokens(text)
        for form in _forms(parts, language):
            if tuple(map(singular, form)) in self._english:
                continue
            node = self._trie
            for word in form:
                node = node.setdefault(word, {})
            here = node.setdefault(_HERE, [])
            if (kind, language) not in here:
                here.append((kind, language))
            if language in HEAD_LAST and len(form) == 1 and len(form[0]) >= _MIN_COMPOUND:
                owners = self._words.setdefault(form[0], [])
                if (kind, language) not in owners:
                    owners.append((kind, language))

    def matches(self, title: str) -> list[NameMatch]:
        """Every name found in a title, best first; names inside longer ones are left out."""
        found = [*self._in_words(title), *self._in_characters(title)]
        return sorted(found, key=lambda match: -match.score)

    def without_modifiers(self, title: str) -> str:
        """A title without what stands behind a name and a preposition of one language.

        So that `iPhone` in `Coque pour iPhone` is not what the product is.
        """
        if not _ANY_PREPOSITION.search(title):
            return title
        return "".join(
            segment if place % 2 else self._without_modifier(segment)
            for place, segment in enumerate(_SEGMENT.split(title))
        )

    def _without_modifier(self, segment: str) -> str:
        tokens = _tokens(segment)
        ends = [
            main_end
            for start, end, owners, _ in self._spans(tokens)
            for _, language in owners
            if end <= (main_end := _main_end(tokens, language, start)) < len(tokens)
            and tokens[main_end] in _PREPOSITIONS[language]
        ]
        return " ".join(tokens[: min(ends)]) if ends else segment

    def _in_words(self, title: str) -> Iterator[NameMatch]:
        for place, segment in enumerate(_SEGMENT.split(title)[::2]):
            tokens = _tokens(segment)
            for start, end, owners, length in self._spans(tokens):
                text = " ".join(tokens[start:end])
                for kind, language in owners:
                    main_end = _main_end(tokens, language, start)
                    head = end == main_end if language in HEAD_LAST else start == 0
                    position, weight = "main", 1.0
                    # a name that holds a preposition itself says what the product is
                    if start >= main_end:
                        position, weight = "modifier", _MODIFIER
                    elif head:
                        position, weight = "head", 1.3
                    score = length * weight * (1.0 if place == 0 else 0.85)
                    yield NameMatch(kind, text, score, position, language)

    def _spans(self, tokens: list[str]) -> list[tuple[int, int, list[tuple[str, str]], float]]:
        """From, to, kinds and length of every name, without those inside longer ones."""
        spans: list[tuple[int, int, list[tuple[str, str]], float]] = []
        for start in range(len(tokens)):
            node, end = self._trie, start
            while end < len(tokens) and tokens[end] in node:
                node, end = node[tokens[end]], end + 1
                if _HERE in node:
                    spans.append((start, end, node[_HERE], float(end - start)))
            if not any(span[0] <= start < span[1] for span in spans):
                owners = self._compound(tokens[start])
                if owners:
                    spans.append((start, start + 1, owners, _COMPOUND))
        return [
            one
            for one in spans
            if not any(
                other[0] <= one[0] and one[1] <= other[1] and other[1] - other[0] > one[1] - one[0]
                for other in spans
            )
        ]

    def _compound(self, token: str) -> list[tuple[str, str]]:
        """What the longest name at the end of a word names: `keramiktasse` -> `tasse`."""
        for start in range(2, len(token) - _MIN_COMPOUND + 1):
            if token[start:] in self._words:
                return self._words[token[start:]]
        return []

    def _in_characters(self, title: str) -> Iterator[NameMatch]:
        if title.isascii() or not self._longest:
            return
        text = unicodedata.normalize("NFKC", title).lower()
        spans = []
        for start in range(len(text)):
            for end in range(min(start + self._longest, len(text)), start + 1, -1):
                if text[start:end] in self._strings and self._is_word(text, start, end):
                    spans.append((start, end))
                    break
        spans = [
            one
            for one in spans
            if not any(
                other != one and other[0] <= one[0] and one[1] <= other[1] for other in spans
            )
        ]
        heads = [span for span in spans if not text.startswith(_FOR, span[1])]
        for start, end in spans:
            name = text[start:end]
            position, weight = "main", 1.0
            if (start, end) not in heads:
                position, weight = "modifier", _MODIFIER
            elif (start, end) == heads[-1]:
                position, weight = "head", 1.3
            for kind, language in self._strings[name]:
                yield NameMatch(kind, name, weight * min(len(name) / 3, 2.0), position, language)

    @staticmethod
    def _is_word(text: str, start: int, end: int) -> bool:
        """Whether a name does not stop in the middle of a run of katakana or kanji."""
        last, behind = text[end - 1], text[end : end + 1]
        if _script(last) in ("katakana", "kanji") and _script(behind) == _script(last):
            return text.startswith(_FOR, end)
        before = text[start - 1 : start]
        inside = _script(before) == _script(text[start]) != ""
        return not inside or end - start >= _LOOSE_CHARACTERS


def _main_end(tokens: list[str], language: str, start: int) -> int:
    """Where a preposition of a language stands first, behind the first word; else the end.

    The one that a name at `start` holds itself is of no account.
    """
    prepositions = _PREPOSITIONS.get(language, frozenset())
    found = (i for i, word in enumerate(tokens) if i and i != start and word in prepositions)
    return next(found, len(tokens))


def _script(character: str) -> str:
    if not character:
        return ""
    if "\u30a0" <= character <= "\u30ff":
        return "katakana"
    if "\u3040" <= character <= "\u309f":
        return "hiragana"
    return "kanji" if "\u4e00" <= character <= "\u9fff" or character == "々" else ""


def _tokens(text: str) -> list[str]:
    """Words in lower case without accents; an elided article is a word of its own."""
    return _TOKEN.findall(plain(text).replace("ß", "ss").replace("œ", "oe").replace("æ", "ae"))


def _forms(parts: list[str], language: str) -> set[tuple[str, ...]]:
    """A name as it is, with its head in other numbers, and with every word in them.

    >>> sorted(_forms(["ruban", "adhesif"], "fr"))[-1]
    ('rubans', 'adhesifs')
    """
    if not parts:
        return set()
    at = len(parts) - 1 if language in HEAD_LAST else 0
    forms = {tuple(parts)}
    for head in _numbers(parts[at], language):
        forms.add((*parts[:at], head, *parts[at + 1 :]))
    if len(parts) > 1 and language not in HEAD_LAST:
        inflected = [
            [word] if word in _FUNCTION_WORDS else sorted(_plurals(word, language)) or [word]
            for word in parts
        ]
        forms.add(tuple(words[0] for words in inflected))
    return forms


def _numbers(word: str, language: str) -> set[str]:
    """Plurals of a word, and the singulars of which it may be one."""
    if len(word) < 3 or word.isdigit():
        return set()
    found = _plurals(word, language)
    if len(word) > 4 and language in ("fr", "es") and word.endswith("s"):
        found.add(word[:-1])
        if language == "es" and word.endswith("es"):
            found.add(word[:-2])
    if len(word) > 5 and language == "de" and word.endswith("en"):
        found |= {word[:-1], word[:-2]}
    if len(word) > 4 and language == "it" and word.endswith("i"):
        found |= {word[:-1] + "o", word[:-1] + "e"}
    return found


def _plurals(word: str, language: str) -> set[str]:
    """Plurals of a noun or an adjective by its ending, without accents.

    >>> _plurals("taza", "es"), _plurals("cuscino", "it"), _plurals("rideau", "fr")
    ({'tazas'}, {'cuscini'}, {'rideaux'})
    """
    for ending, plurals in _PLURALS.get(language, ()):
        if word.endswith(ending):
            return {word[: len(word) - len(ending)] + plural for plural in plurals}
    return set()


_PLURALS: Final[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "de": (
        ("e", ("en",)),
        ("chen", ()),
        ("en", ()),
        ("er", ("ern",)),
        ("el", ("eln",)),
        ("", ("e", "en", "er", "s")),
    ),
    "es": (("z", ("ces",)), ("s", ()), *((v, (v + "s",)) for v in "aeiou"), ("", ("es",))),
    "fr": (
        *((c, ()) for c in "sxz"),
        ("al", ("aux",)),
        ("au", ("aux",)),
        ("eu", ("eux",)),
        ("", ("s",)),
    ),
    "it": (
        ("io", ("i",)),
        ("ca", ("che",)),
        ("ga", ("ghe",)),
        ("co", ("chi",)),
        ("go", ("ghi",)),
        ("a", ("e",)),
        ("o", ("i",)),
        ("e", ("i",)),
    ),
}
"""Language -> endings of the singular, the first that fits, with those of the plural."""
