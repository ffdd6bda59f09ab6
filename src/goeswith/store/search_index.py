"""Full-text search over titles and ids: exact words, prefixes, and words with typing errors.

The index is a sorted vocabulary and, for every word, the products that hold it. Products are
numbered by popularity, so that of equals the ones bought most come first. A query costs one pass
over the products of its words and two bytes a product of the catalogue.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goeswith.core.mapped_arrays import MappedArrays
from goeswith.store.search.bounded_search import FIRST_PRODUCTS, TermLists, better_outside
from goeswith.store.search.vocabulary import Vocabulary, max_edits
from goeswith.store.string_array import pack_strings

if TYPE_CHECKING:
    import numpy.typing as npt

    from goeswith.core.arrays import Rows

MAX_QUERY_WORDS: Final = 12
"""Words of a query that are looked for."""
MAX_QUERY_LENGTH: Final = 300
"""Characters of a query that are read."""
MAX_SEARCH_RESULTS: Final = 100
"""Products that one search gives."""

_MATCH_SCORE: Final = 100
"""Score of a matched word; the quality of the match, 1 to 4, breaks ties."""
_EXACT_BONUS: Final = 4
_PREFIX_BONUS: Final = 3
_NEAREST_SCORE: Final = _MATCH_SCORE + _PREFIX_BONUS - 1
"""Score of a word with one typing error."""
_MAX_PREFIX_PRODUCTS: Final = 4_000_000
"""Products looked at for one beginning of words."""


@dataclass(frozen=True)
class ProductSummary:
    """A product in a line.

    Attributes:
        price: None where it has none, or the catalogue's prices are not numbers.
    """

    product_id: str
    title: str | None
    type: str | None
    brand: str | None
    price: float | None


def search_arrays(
    ids: Sequence[str], titles: Sequence[str | None] | None, purchases: npt.NDArray[Any]
) -> dict[str, npt.NDArray[Any]]:
    """What `SearchIndex` reads.

    Args:
        ids: of n products.
        titles: of the same, None where there are none.
        purchases: (n,) how often each was bought.
    """
    from goeswith.store.tokenizer import index_words, single_word

    rows = np.argsort(-np.asarray(purchases, dtype=np.float64), kind="stable").astype(np.int32)
    codes: dict[str, int] = {}
    postings, sizes = array("i"), array("i")
    for row in rows.tolist():
        title = (titles[row] if titles else None) or ""
        words = dict.fromkeys([*index_words(ids[row]), single_word(ids[row]), *index_words(title)])
        words.pop("", None)
        postings.extend([codes.setdefault(word, len(codes)) for word in words])
        sizes.append(len(words))
    words_sorted = sorted(codes)  # by code point, which is the order of their UTF-8 bytes
    place = np.zeros(len(codes), dtype=np.int32)
    place[[codes[word] for word in words_sorted]] = np.arange(len(codes), dtype=np.int32)
    word = place[np.frombuffer(postings, dtype=np.int32)] if postings else place
    rank = np.repeat(np.arange(len(rows), dtype=np.int32), np.array(sizes, dtype=np.int64))
    starts = np.zeros(len(codes) + 1, dtype=np.int64)
    np.cumsum(np.bincount(word, minlength=len(codes)), out=starts[1:])
    backwards = sorted((word[::-1], place) for place, word in enumerate(words_sorted))
    return {
        **pack_strings("word", list(words_sorted)),
        **pack_strings("backwards", [word for word, _ in backwards]),
        "backwards.word": np.array([place for _, place in backwards], dtype=np.int32),
        "starts": starts,
        "ranks": rank[np.argsort(word, kind="stable")],
        "rows": rows,
    }


class SearchIndex:
    """Word search over memory-mapped arrays."""

    def __init__(self, arrays: MappedArrays) -> None:
        self._words = Vocabulary(arrays)
        self._starts = arrays["starts"]
        self._ranks = arrays["ranks"]
        self._rows = arrays["rows"]

    def find(self, text: str, count: int, *, every_word: bool = False) -> list[int]:
        """Rows of the products that hold most of the words of `text`, best first.

        A word matches exactly, as a prefix of another word, or, if too few products match all
        words, with one or two typing errors. Products with equally many words are ordered by the
        quality of the matches, then by purchases.

        Args:
            text: words or an id; the first 300 characters and 12 words are read.
            count: maximum number of rows.
            every_word: leave out products that hold only some of the words.
        """
        from goeswith.store.tokenizer import query_words, single_word

        text = text[:MAX_QUERY_LENGTH]
        words = query_words(text)[:MAX_QUERY_WORDS]
        terms = list(dict.fromkeys([*words, single_word(text)]))
        terms = [word for word in terms if word]
        all_words = _MATCH_SCORE * max(len(words), 1)
        near = {word: _Near(self._words, word) for word in terms}
        if len(self._rows) >= 2 * FIRST_PRODUCTS:
            first = self._find_first(terms, all_words, near, count, all_words if every_word else 1)
            if first is not None:
                return first
        score = np.zeros(len(self._rows), dtype=np.uint16)
        levels = [self._add_exact(word, score) for word in terms]
        least = all_words if every_word else _MATCH_SCORE * len(terms)
        present = sum(level is not None for level in levels)
        if present * (_MATCH_SCORE + _EXACT_BONUS) < all_words or (
            np.count_nonzero(score >= all_words) < count
        ):
            bound = self._add_missing(terms, levels, score, near)
            ranks = np.flatnonzero(score > max(bound, least - 1 if every_word else 0))
            if len(ranks) >= count:
                return self._best(ranks, score, count)
            for word, level in zip(terms, levels, strict=True):
                if level is not None:
                    self._add_fuzzy(near[word], level, score)
        # with more words matched first: of a million products, few have to be compared
        while not every_word and least > 1 and np.count_nonzero(score >= least) < count:
            least = max(least - _MATCH_SCORE, 1)
        return self._best(np.flatnonzero(score >= max(least, 1)), score, count)

    def _find_first(
        self, terms: list[str], all_words: int, near: dict[str, _Near], count: int, least: int
    ) -> list[int] | None:
        """What `find` gives, from the products bought most and those that may be better.

        None where the products have to be added up: of a query of words that are all there, unless
        enough of the products bought most match as well as any could.

        Args:
            terms: words, and the text as one.
            all_words: score of a product with all words.
            near: of each term.
            count: maximum number of rows.
            least: score of the last product to give.
        """
        score = np.zeros(FIRST_PRODUCTS, dtype=np.uint16)
        levels = [self._add_exact(word, score) for word in terms]
        present = [word for word, level in zip(terms, levels, strict=True) if level is not None]
        highest = sum(self._exact_score(word) for word in present)
        has_missing = len(present) * (_MATCH_SCORE + _EXACT_BONUS) < all_words
        if has_missing:
            for word, level in zip(terms, levels, strict=True):
                if level is None:
                    highest += self._add_fuzzy(near[word], None, score)
        elif highest < all_words:
            return None
        ranks = np.flatnonzero(score == highest)[:count]
        if len(ranks) == count and highest >= least:
            return self._row_list(ranks)
        if not has_missing:
            return None
        for word, level in zip(terms, levels, strict=True):
            if level is not None:
                self._add_fuzzy(near[word], level, score)
        best = self._best_ranks(np.flatnonzero(score >= least), score, count)
        threshold = int(score[best[-1]]) if len(best) == count else least - 1
        lists = [self._term_lists(word, near[word]) for word in terms]
        outside = better_outside(lists, threshold, len(score), len(self._rows))
        if outside is None:
            return None
        ranks, values = np.append(best, outside[0]), np.append(score[best], outside[1])
        order = np.lexsort((ranks, -values.astype(np.int32)))[:count]
        return self._row_list(ranks[order])

    def _term_lists(self, word: str, near: _Near) -> TermLists:
        start, stop, is_word = self._prefix_postings(word)
        fuzzy = near.words if start == stop or max_edits(word) else []
        return TermLists(
            lists=[
                (_MATCH_SCORE + _PREFIX_BONUS - edits, self._postings(place))
                for place, edits in fuzzy
            ],
            prefix=self._ranks[start:stop],
            prefix_value=_MATCH_SCORE + _PREFIX_BONUS if stop > start else 0,
            exact=(_MATCH_SCORE + _EXACT_BONUS, self._postings(is_word))
            if is_word is not None
            else None,
        )

    def _prefix_postings(self, word: str) -> tuple[int, int, int | None]:
        """From and to where the ranks of the words are that begin with one, and its own place."""
        first, last = self._words.prefix_range(word)
        if first == last:
            return 0, 0, None
        start = int(self._starts[first])
        stop = min(int(self._starts[last]), start + _MAX_PREFIX_PRODUCTS)
        if self._words[first] != word:
            return start, stop, None
        return start, max(stop, int(self._starts[first + 1])), first

    def _add_missing(
        self,
        terms: list[str],
        levels: list[npt.NDArray[np.uint16] | None],
        score: npt.NDArray[np.uint16],
        near: dict[str, _Near],
    ) -> int:
        """Add what the words are worth that are not there, spelt a little differently.

        Returns:
            The score that no product exceeds of those that the other words would raise, spelt a
            little differently: with as many products above it, these are the best.
        """
        tops = [
            self._add_fuzzy(near[word], None, score)
            if level is None
            else _MATCH_SCORE + _EXACT_BONUS
            for word, level in zip(terms, levels, strict=True)
        ]
        return max(
            (
                sum(tops) - top + _NEAREST_SCORE
                for word, level, top in zip(terms, levels, tops, strict=True)
                if level is not None and max_edits(word)
            ),
            default=0,
        )

    def _best(
        self, ranks: npt.NDArray[Any], score: npt.NDArray[np.uint16], count: int
    ) -> list[int]:
        """Rows of the ranks of the highest scores, the first of equals first."""
        return self._row_list(self._best_ranks(ranks, score, count))

    def _best_ranks(
        self, ranks: npt.NDArray[Any], score: npt.NDArray[np.uint16], count: int
    ) -> npt.NDArray[Any]:
        values = score[ranks]
        if len(ranks) > count:
            threshold = np.partition(values, len(values) - count)[len(values) - count]
            better, equal = ranks[values > threshold], ranks[values == threshold]
            ranks = np.concatenate([better, equal[: count - len(better)]])
            values = score[ranks]
        return ranks[np.lexsort((ranks, -values.astype(np.int32)))]

    def _row_list(self, ranks: npt.NDArray[Any]) -> list[int]:
        rows: list[int] = self._rows[ranks].tolist()
        return rows

    def containing(self, text: str) -> Rows:
        """Rows of the products whose title and id hold every word of a text as it is.

        Args:
            text: as titles are; one without words is held by none.
        """
        from goeswith.store.tokenizer import index_words

        places = [self._words.position(word) for word in index_words(text)]
        if not places or None in places:
            return np.zeros(0, dtype=np.int32)
        lists = sorted((self._postings(place) for place in places if place is not None), key=len)
        ranks = lists[0]
        for other in lists[1:]:
            # a few among many: bisection reads less than a merge
            at = np.minimum(np.searchsorted(other, ranks), len(other) - 1)
            ranks = ranks[other[at] == ranks]
        return self._rows[ranks]

    def _exact_score(self, word: str) -> int:
        """The most that a word is worth of which `_add_exact` finds something."""
        is_word = self._words.position(word) is not None
        return _MATCH_SCORE + (_EXACT_BONUS if is_word else _PREFIX_BONUS)

    def _add_exact(self, word: str, score: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16] | None:
        """By rank, what a word is worth that is there as it is, or begins another; added to
        `score`. None for a word that is not there.
        """
        start, stop, place = self._prefix_postings(word)
        if start == stop:
            return None
        level = np.zeros(len(score), dtype=np.uint16)
        ranks = self._ranks[start:stop]
        if len(score) < len(self._rows):
            ranks = ranks[ranks < len(score)]
        level[ranks] = _MATCH_SCORE + _PREFIX_BONUS
        if place is not None:
            level[self._postings(place, len(score))] = _MATCH_SCORE + _EXACT_BONUS
        if 4 * len(ranks) > len(level):
            score += level
        else:
            score[ranks] += level[ranks]  # a rank given twice counts once
        return level

    def _postings(self, word: int, stop: int | None = None) -> Rows:
        """Ranks of the products that hold a word, in order; those below `stop`."""
        ranks = self._ranks[int(self._starts[word]) : int(self._starts[word + 1])]
        return ranks if stop is None else ranks[: ranks.searchsorted(np.int32(stop))]

    def _add_fuzzy(
        self, near: _Near, level: npt.NDArray[np.uint16] | None, score: npt.NDArray[np.uint16]
    ) -> int:
        """Add what a word is worth that is spelt a little differently, where `level` has none.

        Returns:
            The most that it is worth; 0 where no word is near.
        """
        if not near.words:
            return 0
        fuzzy = np.zeros(len(score), dtype=np.uint16)
        lists = [self._postings(place, len(score)) for place, _ in near.words]
        for (_, edits), ranks in zip(near.words, lists, strict=True):
            # in order of decreasing distance: the nearest word overwrites the others
            fuzzy[ranks] = _MATCH_SCORE + _PREFIX_BONUS - edits
        if 4 * sum(map(len, lists)) > len(score):
            if level is not None:
                fuzzy[level > 0] = 0
            score += fuzzy
        else:
            ranks = np.concatenate(lists)
            if level is not None:
                ranks = ranks[level[ranks] == 0]
            score[ranks] += fuzzy[ranks]  # a rank given twice counts once
        return _MATCH_SCORE + _PREFIX_BONUS - near.words[-1][1]


class _Near:
    """The words near one, looked for once a query."""

    def __init__(self, vocabulary: Vocabulary, word: str) -> None:
        self._vocabulary, self._word = vocabulary, word

    @cached_property
    def words(self) -> list[tuple[int, int]]:
        """As of `Vocabulary.near`."""
        return self._vocabulary.near(self._word)
