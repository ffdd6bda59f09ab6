"""The tasks as prompts, in token ids: one set of weights answers all of them (as P5 does it).

A prompt is put together from pieces that are tokenised once: the words of its task, the bounded
title of a product, its behaviour tokens. So a product's text cannot change the words of a task, end
them, or contain a behaviour token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows
from goeswith.data.catalog import Catalog
from goeswith.features.semantic_codes import Codes
from goeswith.text.product_text import clean_text

Ids = npt.NDArray[np.int32]
"""Token ids."""
Tokenise = Callable[[str], Sequence[int]]
"""Text to token ids, without any that begin or end a text."""

PAIR_TASKS: Final = {
    "listwise": ("Rank what goes with a product. Product: ", " Candidate: ", " Is it a match?"),
    "complement": ("Are these bought to be used together? First: ", " Second: ", " Answer:"),
    "substitute": ("Is one an alternative to the other? First: ", " Second: ", " Answer:"),
    "explanation": ("Say why a customer buys both. First: ", " Second: ", " Reason:"),
}
"""Task -> the words before, between and behind two products."""
ONE_TASKS: Final = {"generation": ("Name the code of a product that goes with this. ", " Code:")}
"""Task -> the words before and behind one product."""
MAX_TITLE_LENGTH: Final = 160
"""Characters of a title that a prompt shows at most."""
TITLE_TOKENS: Final = 24
"""Maximum number of tokens of a product's text (type and title) in a prompt."""


@dataclass(frozen=True)
class RaggedIds:
    """Runs of token ids of different lengths, one after the other.

    Attributes:
        ids: all of them.
        starts: (m + 1,) where each begins.
    """

    ids: Ids
    starts: npt.NDArray[np.int64]

    @classmethod
    def from_runs(cls, runs: Sequence[Sequence[int]]) -> RaggedIds:
        """From lists."""
        lengths = [len(run) for run in runs]
        flat = np.array([i for run in runs for i in run], dtype=np.int32)
        return cls(flat, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, at: int) -> Ids:
        run: Ids = self.ids[self.starts[at] : self.starts[at + 1]]
        return run


@dataclass(frozen=True)
class Prompts:
    """Everything that prompts are put together from.

    Attributes:
        words: task -> token ids of its words.
        titles: of n products.
        codes: (n, levels) token ids of behaviour, or none.
        end: id that ends a prompt, or none.
        limit: maximum number of tokens of a product's text.
    """

    words: dict[str, tuple[Ids, ...]]
    titles: RaggedIds
    codes: Ids | None
    end: int | None
    limit: int = TITLE_TOKENS

    def product(self, row: int, title: Ids | None = None) -> Ids:
        """A product as a prompt shows it: title, then behaviour.

        Args:
            row: of the catalogue.
            title: token ids in place of those of its title: cut to as many.
        """
        shown = self.titles[row] if title is None else title[: self.limit]
        if self.codes is None:
            return shown
        ids: Ids = np.concatenate([shown, self.codes[row]])
        return ids

    def pair(self, task: str, source: int, target: int, title: Ids | None = None) -> Ids:
        """The prompt of a pair; `title` replaces the target's."""
        before, between, behind = self.words[task]
        parts = [before, self.product(source), between, self.product(target, title), behind]
        return self._join(parts)

    def pairs(self, task: str, sources: Rows, targets: Rows) -> list[Ids]:
        """The prompts of m pairs."""
        return [self.pair(task, s, t) for s, t in zip(sources, targets, strict=True)]

    def single(self, task: str, source: int) -> Ids:
        """The prompt of one product."""
        before, behind = self.words[task]
        return self._join([before, self.product(source), behind])

    def _join(self, parts: list[Ids]) -> Ids:
        if self.end is not None:
            parts.append(np.array([self.end], dtype=np.int32))
        ids: Ids = np.concatenate(parts)
        return ids


def prompt_texts(catalog: Catalog) -> list[str]:
    """The text of every product in prompts: type and title, cleaned and bounded."""
    blank: list[str | None] = [None] * len(catalog)
    kinds, titles = catalog.text("type") or blank, catalog.text("title") or blank
    texts = []
    for kind, title in zip(kinds, titles, strict=True):
        parts = [clean_text(kind, 40), clean_text(title, MAX_TITLE_LENGTH)]
        texts.append(": ".join(filter(None, parts)))
    return texts


def make_prompts(
    tokenise: Tokenise, titles: Sequence[str], codes: Codes | None, first: int, end: int | None
) -> Prompts:
    """Prompts over titles that were cleaned and bounded already (`goeswith.text.product_text`).

    Args:
        tokenise: text to ids.
        titles: of n products.
        codes: (n, levels) of behaviour, or none.
        first: id of the first behaviour token; levels follow one another (`code_ids`).
        end: id that ends a prompt, or none.
    """
    words = {
        task: tuple(np.array(tokenise(part), dtype=np.int32) for part in parts)
        for task, parts in (PAIR_TASKS | ONE_TASKS).items()
    }
    cut = RaggedIds.from_runs([tokenise(title)[:TITLE_TOKENS] for title in titles])
    return Prompts(words, cut, None if codes is None else code_ids(codes, first), end)


def code_ids(codes: Codes, first: int) -> Ids:
    """(n, levels) token ids of codes: each level's follow those of the one before."""
    sizes = codes.max(axis=0) + 1
    shift = first + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    ids: Ids = (codes + shift).astype(np.int32)
    return ids


def pad_runs(
    runs: Sequence[Ids], pad: int, *, left: bool = False
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Runs of ids as one array (b, longest) and which of it is theirs, 1 or 0.

    Args:
        runs: of any lengths.
        pad: id that fills.
        left: fill before, not behind: a causal model answers at the last place.
    """
    longest = max((len(run) for run in runs), default=0)
    ids = np.full((len(runs), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, run in enumerate(runs):
        place = slice(longest - len(run), longest) if left else slice(0, len(run))
        ids[i, place], mask[i, place] = run, 1
    return ids, mask
