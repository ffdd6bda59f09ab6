"""How near generated sentences come to those that people wrote: BLEU-4 and ROUGE.

Words are lower-cased; several references of one sentence are allowed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

Words: TypeAlias = list[str]
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ORDER: Final = 4


def bleu_4(sentences: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU with n-grams of 1 to 4 and the brevity penalty, 0 to 100.

    Papineni et al., "BLEU" (ACL 2002), equations 1 to 3: counts are clipped by the reference that
    has most of an n-gram, the length compared is that of the nearest reference. No smoothing: 0
    where no sentence shares four words in a row with a reference.

    Args:
        sentences: generated.
        references: of each, at least one.
    """
    hits, totals = [0] * _ORDER, [0] * _ORDER
    length = nearest = 0
    for sentence, texts in zip(sentences, references, strict=True):
        words, reference_words = _words(sentence), [_words(text) for text in texts]
        length += len(words)
        nearest += min((abs(len(text) - len(words)), len(text)) for text in reference_words)[1]
        for n in range(1, _ORDER + 1):
            grams = _grams(words, n)
            max_grams: Counter[tuple[str, ...]] = Counter()
            for text in reference_words:
                max_grams |= _grams(text, n)
            hits[n - 1] += (grams & max_grams).total()
            totals[n - 1] += grams.total()
    if not all(hits):
        return 0.0
    precision = math.exp(
        sum(math.log(hit / total) for hit, total in zip(hits, totals, strict=True)) / _ORDER
    )
    return 100 * precision * min(1.0, math.exp(1 - nearest / length))


def rouge(sentences: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L as F1, mean over sentences, of the best reference; 0 to 100.

    Lin, "ROUGE" (2004): shared words, pairs of words, longest common subsequence.

    Args:
        sentences: generated.
        references: of each, at least one.
    """
    sums = {"rouge_1": 0.0, "rouge_2": 0.0, "rouge_l": 0.0}
    for sentence, texts in zip(sentences, references, strict=True):
        words, reference_words = _words(sentence), [_words(text) for text in texts]
        for n in (1, 2):
            sums[f"rouge_{n}"] += max(
                _shared(_grams(words, n), _grams(text, n)) for text in reference_words
            )
        sums["rouge_l"] += max(
            _f1(_common(words, text), len(words), len(text)) for text in reference_words
        )
    return {name: 100 * total / max(len(sentences), 1) for name, total in sums.items()}


def _words(text: str) -> Words:
    return _WORD.findall(text.lower())


def _grams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _shared(first: Counter[tuple[str, ...]], second: Counter[tuple[str, ...]]) -> float:
    return _f1((first & second).total(), first.total(), second.total())


def _f1(hits: int, length: int, reference_length: int) -> float:
    return 2 * hits / (length + reference_length) if hits else 0.0


def _common(first: Words, second: Words) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for j, second_word in enumerate(second, start=1):
            before, row[j] = row[j], before + 1 if word == second_word else max(row[j], row[j - 1])
    return row[-1]
