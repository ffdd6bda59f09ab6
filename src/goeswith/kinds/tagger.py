"""From a product's title to its kind: the phrases of the table, weighed by where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import permutations
from typing import Any, Final, TypeAlias

from goeswith.kinds.foreign_names import HEAD_LAST, ForeignNames, NameMatch
from goeswith.kinds.phrases import Phrase, singular
from goeswith.kinds.table import KindTable
from goeswith.kinds.table_reader import load_table
from goeswith.kinds.title_parts import end_of_head, is_counted, main_part, title_segments

_Trie: TypeAlias = dict[str, Any]
"""Word -> the trie of the words behind it; under `_HERE` the phrases that end here."""
_HERE: Final = ""

MIN_CONFIDENCE: Final = 0.58
"""Below it a title has no kind."""

_LENGTH: Final = 1.0
"""A phrase of n words counts n to this power."""
_HEAD: Final = 1.3
"""What a phrase at the head noun counts."""
_MODIFIER: Final = 0.2
"""What a phrase counts behind "for", "with" and the like."""
_BEHIND: Final = 0.5
"""What a name behind the head counts in the language of the shop, if its head is the first."""
_DEVICE: Final = frozenset({"device", "model"})
"""What has to match between a device and what fits it."""
_PRODUCT_FIRST: Final = (1.0, 0.85)
_CATEGORY_FIRST: Final = (0.6, 1.0)
"""What the first part of a title counts, and every other."""
_INCLUDED: Final = 0.3
"""What a later part counts that begins with a number: "case for iPad, 1 stylus, 2 cloths"."""
_SHARED: Final = 10
"""Titles that begin alike before what stands there is taken for a category."""
_FULL: Final = 0.9
"""Score from which confidence depends on the second kind alone."""
_WEAK: Final = 0.55
"""What a weak phrase counts, however many words it has."""


@dataclass(frozen=True)
class Tag:
    """The kind of a product.

    Attributes:
        kind: its id; None where no kind is likely enough.
        confidence: 0 to 1.
        phrase: the words of the title that decided; empty where there is no kind.
        runner_up: the next likely kind, and None where there is none.
        source: the column that decided: title, type, categories, description, shop, or text for a
            classifier over the other titles of the shop.
    """

    kind: str | None
    confidence: float
    phrase: str = ""
    runner_up: str | None = None
    source: str = "title"


NO_TAG: Final = Tag(None, 0.0)
SHOP: Final = "shop"
"""Source of a kind that the shop has set."""


@dataclass(frozen=True)
class PhraseMatch:
    """A phrase found in a title.

    Attributes:
        kind: that it names.
        text: its words.
        score: how well it says what the product is.
        position: where it stands: head, main, modifier or container.
        language: of the phrase.
    """

    kind: str
    text: str
    score: float
    position: str
    language: str = "en"


class Tagger:
    """Finds the kinds of titles.

    >>> tagger = Tagger()
    >>> tagger.tag("CHOCOLATE HOT WATER BOTTLE").kind
    'hot_water_bottle'
    """

    def __init__(self, table: KindTable | None = None) -> None:
        """Args: table: of kinds; None for that of this package."""
        self.table = table or load_table()
        links = (link for some in self.table.links.values() for link in some)
        self._fits_device = {link.target for link in links if _DEVICE & set(link.match)}
        self._trie: _Trie = {}
        anchors = set()
        for kind in self.table.kinds.values():
            # two spellings may be one phrase in the singular
            texts = (kind.name, *kind.synonyms, *kind.patterns)
            phrases = dict.fromkeys(map(Phrase.from_text, texts))
            anchors |= {phrase.anchor for phrase in phrases}
            for phrase in () if kind.group else phrases:
                if phrase.anchor:
                    node = self._trie
                    for word in phrase.anchor:
                        node = node.setdefault(word, {})
                    node.setdefault(_HERE, []).append((phrase, kind.id))
        self._foreign = ForeignNames(self.table, anchors)
        self._own: dict[str, ForeignNames] = {}

    def tag(
        self,
        title: str | None,
        type: str | None = None,  # noqa: A002
        categories: Sequence[str] = (),
        description: str | None = None,
        *,
        category_first: bool = False,
        language: str | None = None,
    ) -> Tag:
        """The kind of a product.

        The title decides; where it names no kind, the shop's type, its categories from the most
        special, and the first sentence of the description are read. Names in other languages, not
        in a description, decide only where no English phrase does in any of them. In a shop in
        another language its names come first: French `robe` is a dress, not a dressing gown.

        Args:
            title: of the product.
            type: product type of the shop.
            categories: most general first.
            description: text; only its beginning is read.
            category_first: whether the title begins with a category.
            language: of the shop's titles, as `shop_language` finds it; None for English.
        """
        texts = [("title", title), ("type", type)]
        texts += [("categories", category) for category in reversed(list(categories))]
        texts.append(("description", (description or "")[:200]))
        readers = [self._tag_text, self._tag_foreign]
        if language is not None:
            readers.insert(0, partial(self._tag_in, language))
        for read in readers:
            best = NO_TAG
            for source, text in texts:
                if not text or (source == "description" and read != self._tag_text):
                    continue
                tag = read(text, category_first=category_first and source == "title")
                weight = 1.0 if source == "title" else 0.9
                if tag.kind and tag.confidence * weight > best.confidence:
                    confidence = tag.confidence * weight
                    best = Tag(tag.kind, confidence, tag.phrase, tag.runner_up, source)
                if best.confidence >= MIN_CONFIDENCE:
                    return best
        return NO_TAG

    def tag_many(self, titles: Sequence[str | None]) -> list[Tag]:
        """The kinds of a shop's titles; equal titles are read once."""
        first = category_first(titles)
        cache: dict[str | None, Tag] = {}
        for title in titles:
            if title not in cache:
                cache[title] = self.tag(title, category_first=first)
        return [cache[title] for title in titles]

    def matches(self, title: str, *, category_first: bool = False) -> list[PhraseMatch]:
        """Every phrase found in a title, best first: what `goeswith kinds explain` shows.

        Args:
            title: of a product.
            category_first: whether it begins with a category: "Baking Mixes, Cake Mix, 18 Oz".
        """
        title = self._foreign.without_modifiers(title)
        places = _CATEGORY_FIRST if category_first else _PRODUCT_FIRST
        segments = [segment for segment in title_segments(title) if segment]
        every = [singular(word) for segment in segments for word in segment]
        text = f" {' '.join(every)} "
        found: list[tuple[PhraseMatch, int, int, int]] = []
        # a category may hold several parts itself: "Bread/Buns/Rolls, Hot Dog Buns"
        first = len(title_segments(title.partition(",")[0])) if category_first else 1
        for place, segment in enumerate(segments):
            weight = places[0] if place < first else places[1]
            if found and not category_first and is_counted(segment):
                weight *= _INCLUDED
            found += self._in_segment(segment, place, weight, text)
        matches = self._less_by_device([match for match, *_ in _drop_covered(found)])
        return sorted(matches, key=lambda match: -match.score)

    def foreign_matches(self, title: str) -> list[PhraseMatch]:
        """Every name in another language found in a title, best first.

        They count only where no English phrase decides.
        """
        return [_phrase_match(match) for match in self._foreign.matches(title[:400])]

    def _less_by_device(self, matches: list[PhraseMatch]) -> list[PhraseMatch]:
        """A device counts less beside what fits it: "screen protector glass iphone 15"."""
        kinds = {match.kind for match in matches if match.position in ("head", "main")}
        hosts = set()
        for one, other in permutations(kinds, 2):
            link = self.table.link(one, other)
            if link is not None and _DEVICE & set(link.match) and one not in self._fits_device:
                hosts.add(one)
        return [
            replace(match, score=match.score * _MODIFIER) if match.kind in hosts else match
            for match in matches
        ]

    def _tag_text(self, text: str, *, category_first: bool = False) -> Tag:
        return self._best_kind(self.matches(text, category_first=category_first))

    def _tag_foreign(self, text: str, *, category_first: bool = False) -> Tag:
        return self._best_kind(self.foreign_matches(text))

    def _tag_in(self, language: str, text: str, *, category_first: bool = False) -> Tag:
        if language not in self._own:
            names = {language: self.table.names[language]}
            # no English phrase stands in the way of a name
            self._own[language] = ForeignNames(replace(self.table, names=names), set())
        matches = [_phrase_match(match) for match in self._own[language].matches(text[:400])]
        if language not in HEAD_LAST and any(match.position == "head" for match in matches):
            # "robe portefeuille" is a dress: what stands behind the head describes it
            matches = [
                replace(match, score=match.score * _BEHIND) if match.position == "main" else match
                for match in matches
            ]
        return self._best_kind(sorted(matches, key=lambda match: -match.score))

    def _best_kind(self, matches: list[PhraseMatch]) -> Tag:
        """The kind of the best match, by how much better it is than that of the second kind.

        A kind that replaces the best one is no doubt of it: a candle pot is a scented candle or a
        candle, and goes with the same.
        """
        if not matches:
            return NO_TAG
        scores: dict[str, float] = {}
        for match in matches:
            scores[match.kind] = max(scores.get(match.kind, 0.0), match.score)
        (kind, best), *others = sorted(scores.items(), key=lambda item: -item[1])
        runner_up = others[0][0] if others else None
        rivals = (score for other, score in others if not self.table.replaces(kind, other))
        phrase = next(match.text for match in matches if match.kind == kind)
        return Tag(kind, _confidence(best, next(rivals, 0.0)), phrase, runner_up)

    def _in_segment(
        self, tokens: list[str], place: int, part: float, text: str
    ) -> list[tuple[PhraseMatch, int, int, int]]:
        segment = [singular(token) for token in tokens]
        plural = [one != token for one, token in zip(segment, tokens, strict=True)]
        main_start, main_end = main_part(segment)
        # "set of 6 tea towels garden": the noun that is counted is the head, the rest is a design
        counted = is_counted(segment) and any(plural[main_start:main_end])
        head_end = end_of_head(segment, main_start, main_end)
        found = []
        for start in range(len(segment)):
            node, end = self._trie, start
            while end < len(segment) and (child := node.get(segment[end])) is not None:
                node, end = child, end + 1
                for phrase, kind in node.get(_HERE, ()):
                    if (phrase.present or phrase.absent) and not _holds(phrase, text):
                        continue
                    head = plural[end - 1] if counted else end >= head_end
                    position, weight = _position(start, end, main_start, main_end, head=head)
                    length = _WEAK if phrase.weak else phrase.length**_LENGTH
                    score = length * weight * part
                    match = PhraseMatch(kind, " ".join(phrase.anchor), score, position)
                    found.append((match, place, start, end))
        return found


@lru_cache(maxsize=1)
def shared_tagger() -> Tagger:
    """A tagger over the table of this package, made once."""
    return Tagger()


def _phrase_match(match: NameMatch) -> PhraseMatch:
    return PhraseMatch(match.kind, match.text, match.score, match.position, match.language)


def _holds(phrase: Phrase, text: str) -> bool:
    """Whether the other words of a phrase are in a text, and those that must not be are not."""
    return all(f" {' '.join(part)} " in text for part in phrase.present) and not any(
        f" {' '.join(part)} " in text for part in phrase.absent
    )


def _drop_covered(
    found: list[tuple[PhraseMatch, int, int, int]],
) -> list[tuple[PhraseMatch, int, int, int]]:
    """Without phrases that lie inside a longer one: "cake" in "cake mix" says nothing."""
    return [
        one
        for one in found
        if not any(
            other[1] == one[1]
            and other[2] <= one[2]
            and one[3] <= other[3]
            and other[3] - other[2] > one[3] - one[2]
            for other in found
        )
    ]


def category_first(titles: Sequence[str | None]) -> bool:
    """Whether the titles of a shop begin with a category, followed by a comma.

    So it is where most titles share what stands before their first comma with ten others, which
    differ behind it.
    """
    behind: dict[str, set[str]] = {}
    for title in titles:
        before, comma, rest = (title or "").partition(",")
        if comma:
            behind.setdefault(before, set()).add(rest)
    shared = sum(len(rests) for rests in behind.values() if len(rests) >= _SHARED)
    distinct = len({title for title in titles if title})
    return distinct > 0 and shared > distinct / 2


def _position(
    start: int, end: int, main_start: int, main_end: int, *, head: bool
) -> tuple[str, float]:
    """Where a phrase stands, and what it counts there."""
    if start >= main_end:
        return "modifier", _MODIFIER
    if start < main_start:
        return "container", 0.4
    if head:
        return "head", _HEAD
    length = max(main_end - main_start, 1)
    return "main", 0.75 + 0.25 * (end - main_start) / length


@lru_cache(maxsize=10_000)
def _confidence(best: float, second: float) -> float:
    """From the scores of the best and the second kind to a confidence, 0 to 1."""
    margin = best / (best + second) if best + second else 0.0
    strength = min(best / _FULL, 1.0)
    return margin * strength
