"""Sentences that people wrote of pairs, to learn from: split so that no product is in both parts.

Tables: `explanations` with `source`, `source_title`, `target`, `target_title` and `explanation` (as
FolkScope and IntentionQA give them); and bundles, whose products people put together with an intent
in words (BundleRec).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from goeswith.text.claims import tidy, unsupported, weakened
from goeswith.text.explanation import Pair
from goeswith.text.product_words import ProductWords

if TYPE_CHECKING:
    import polars as pl

_WORDS: Final = 5
_BY_NUMBER: Final = ("same", "complement", "item ", "1,")  # intents that count products


@dataclass(frozen=True)
class Example:
    """A pair and what people wrote of it.

    Attributes:
        keys: ids of the two products.
        pair: the two.
        texts: at least one sentence, tidied.
    """

    keys: tuple[str, str]
    pair: Pair
    texts: tuple[str, ...]


def intention_examples(table: pl.DataFrame) -> list[Example]:
    """The pairs of a table of explanations, in its order, each with all that is said of it."""
    found: dict[tuple[str, str], tuple[Pair, list[str]]] = {}
    for row in table.iter_rows(named=True):
        pair = Pair({"title": row["source_title"]}, {"title": row["target_title"]})
        _, texts = found.setdefault((row["source"], row["target"]), (pair, []))
        texts.append(tidy(row["explanation"]))
    return [Example(keys, pair, tuple(texts)) for keys, (pair, texts) in found.items()]


def bundle_examples(products: pl.DataFrame, bundles: pl.DataFrame) -> list[Example]:
    """The first two products of each bundle that people made, with their intent as a sentence.

    Ids are ASINs where products have them, so that they can be told apart from those of another
    table. Long intents, and those that count products, are left out: they say nothing of a pair.
    """
    records = {row["product_id"]: row for row in products.iter_rows(named=True)}
    found = []
    for (_,), bundle in bundles.group_by("bundle_id", maintain_order=True):
        intent = (bundle["intent"][0] or "").strip().rstrip(".").lower()
        counted = any(word in intent for word in _BY_NUMBER)
        if not intent or len(intent.split()) > _WORDS or counted:
            continue
        members = [records[key] for key in bundle["product_id"] if key in records]
        if len(members) < 2:
            continue
        one, other = members[:2]
        keys = (one.get("asin") or one["product_id"], other.get("asin") or other["product_id"])
        text = tidy(f"They both are related to {intent}")
        found.append(Example(keys, Pair(one, other), (text,)))
    return found


def split_by_product(
    examples: Sequence[Example], shares: Sequence[float], seed: int
) -> list[list[Example]]:
    """Parts of the examples, so that no product is in two of them.

    Products that pairs connect, directly or through others, go to one part together.

    Args:
        examples: in any order.
        shares: of each part but the last, which has the rest; in products.
        seed: of the draw.
    """
    root: dict[str, str] = {}

    def find(key: str) -> str:
        while root.setdefault(key, key) != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for example in examples:
        one, other = map(find, example.keys)
        root[one] = other
    groups: dict[str, list[str]] = {}
    for key in list(root):
        groups.setdefault(find(key), []).append(key)
    order = np.random.default_rng(seed).permutation(len(groups))
    names = sorted(groups)
    ends = np.cumsum(shares) * len(root)
    part_of: dict[str, int] = {}
    done = 0
    for place in order:
        part = int(np.searchsorted(ends, done, side="right"))
        part_of |= dict.fromkeys(groups[names[place]], part)
        done += len(groups[names[place]])
    parts: list[list[Example]] = [[] for _ in range(len(shares) + 1)]
    for example in examples:
        parts[part_of[example.keys[0]]].append(example)
    return parts


def without_products(examples: Iterable[Example], others: Iterable[Example]) -> list[Example]:
    """Examples that share neither product nor title with `others`."""
    others = list(others)
    keys = {key for example in others for key in example.keys}
    titles = {title for example in others for title in _titles(example)}
    return [e for e in examples if not keys & {*e.keys} and not titles & {*_titles(e)}]


def held(example: Example) -> Example | None:
    """An example with those of its sentences that its products' texts hold; None for none.

    What would be weakened where it is shown is learned as it was written.
    """
    source, target = ProductWords(example.pair.source), ProductWords(example.pair.target)
    sides = source, target
    texts = tuple(t for t in example.texts if not unsupported(weakened(t, *sides), *sides))
    return Example(example.keys, example.pair, texts) if texts else None


def _titles(example: Example) -> tuple[str, str]:
    source, target = example.pair.source, example.pair.target
    return str(source.get("title")).lower(), str(target.get("title")).lower()
