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

from goeswith.text.claims import tidy, unsupported_claims, weaken
from goeswith.text.explanation import ProductPair
from goeswith.text.product_words import ProductWords

if TYPE_CHECKING:
    import polars as pl

_MAX_INTENT_WORDS: Final = 5
_BY_NUMBER: Final = ("same", "complement", "item ", "1,")  # intents that count products


@dataclass(frozen=True)
class ExplanationExample:
    """A pair and what people wrote of it.

    Attributes:
        keys: ids of the two products.
        pair: the two.
        texts: at least one sentence, tidied.
    """

    keys: tuple[str, str]
    pair: ProductPair
    texts: tuple[str, ...]


def intention_examples(table: pl.DataFrame) -> list[ExplanationExample]:
    """The pairs of a table of explanations, in its order, each with all its sentences."""
    grouped: dict[tuple[str, str], tuple[ProductPair, list[str]]] = {}
    for row in table.iter_rows(named=True):
        pair = ProductPair({"title": row["source_title"]}, {"title": row["target_title"]})
        _, texts = grouped.setdefault((row["source"], row["target"]), (pair, []))
        texts.append(tidy(row["explanation"]))
    return [ExplanationExample(keys, pair, tuple(texts)) for keys, (pair, texts) in grouped.items()]


def bundle_examples(products: pl.DataFrame, bundles: pl.DataFrame) -> list[ExplanationExample]:
    """The first two products of each bundle that people made, with their intent as a sentence.

    Ids are ASINs if products have them, for comparison with another table. Long intents, and those
    that count products, are excluded: they do not describe a pair.
    """
    records = {row["product_id"]: row for row in products.iter_rows(named=True)}
    examples = []
    for (_,), bundle in bundles.group_by("bundle_id", maintain_order=True):
        intent = (bundle["intent"][0] or "").strip().rstrip(".").lower()
        counts_products = any(word in intent for word in _BY_NUMBER)
        if not intent or len(intent.split()) > _MAX_INTENT_WORDS or counts_products:
            continue
        members = [records[key] for key in bundle["product_id"] if key in records]
        if len(members) < 2:
            continue
        one, other = members[:2]
        keys = (one.get("asin") or one["product_id"], other.get("asin") or other["product_id"])
        text = tidy(f"They both are related to {intent}")
        examples.append(ExplanationExample(keys, ProductPair(one, other), (text,)))
    return examples


def split_by_product(
    examples: Sequence[ExplanationExample], shares: Sequence[float], seed: int
) -> list[list[ExplanationExample]]:
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
    parts: list[list[ExplanationExample]] = [[] for _ in range(len(shares) + 1)]
    for example in examples:
        parts[part_of[example.keys[0]]].append(example)
    return parts


def without_products(
    examples: Iterable[ExplanationExample], others: Iterable[ExplanationExample]
) -> list[ExplanationExample]:
    """Examples that share neither product nor title with `others`."""
    others = list(others)
    keys = {key for example in others for key in example.keys}
    titles = {title for example in others for title in _titles(example)}
    return [e for e in examples if not keys & {*e.keys} and not titles & {*_titles(e)}]


def keep_supported(example: ExplanationExample) -> ExplanationExample | None:
    """An example with those of its sentences that its products' texts hold; None for none.

    What would be weakened where it is shown is learned as it was written.
    """
    source, target = ProductWords(example.pair.source), ProductWords(example.pair.target)
    sides = source, target
    texts = tuple(t for t in example.texts if not unsupported_claims(weaken(t, *sides), *sides))
    return ExplanationExample(example.keys, example.pair, texts) if texts else None


def _titles(example: ExplanationExample) -> tuple[str, str]:
    source, target = example.pair.source, example.pair.target
    return str(source.get("title")).lower(), str(target.get("title")).lower()
