"""BLEU and ROUGE of the benchmarks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

_SPEC = importlib.util.spec_from_file_location(
    "text_metrics", Path(__file__).parents[2] / "benchmarks" / "text_metrics.py"
)
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
bleu_4, rouge = _MODULE.bleu_4, _MODULE.rouge

SENTENCES = st.lists(st.sampled_from(list("abcdef")), min_size=4, max_size=12).map(" ".join)


@given(st.lists(SENTENCES, min_size=1, max_size=5))
def test_what_is_written_as_a_reference_scores_all(sentences: list[str]) -> None:
    references = [[sentence, "g h"] for sentence in sentences]
    assert bleu_4(sentences, references) == pytest.approx(100)
    assert all(value == pytest.approx(100) for value in rouge(sentences, references).values())


@given(st.lists(st.tuples(SENTENCES, SENTENCES, SENTENCES), min_size=1, max_size=5))
def test_scores_are_shares_and_more_references_lower_no_rouge(
    given_: list[tuple[str, str, str]],
) -> None:
    sentences = [said for said, _, _ in given_]
    one = [[written] for _, written, _ in given_]
    two = [[written, other] for _, written, other in given_]
    assert 0 <= bleu_4(sentences, one) <= 100.000001
    for name, value in rouge(sentences, one).items():
        assert 0 <= value <= rouge(sentences, two)[name] + 1e-9 <= 100.000001


def test_bleu_is_that_of_papineni() -> None:
    # clipped: 7 of 8 words, 4 of 7 pairs, 3 of 6 triples, 2 of 5; a word shorter than its reference
    said = "the cat sat on the mat by me"
    written = "the cat sat on the rug by a mat"
    shares = (7 / 8) * (4 / 7) * (3 / 6) * (2 / 5)
    assert bleu_4([said], [[written]]) == pytest.approx(
        100 * shares**0.25 * 2.718281828 ** (-1 / 8)
    )


def test_rouge_is_that_of_lin() -> None:
    found = rouge(["police kill the gunman"], [["police killed the gunman"]])
    assert found["rouge_1"] == pytest.approx(75)
    assert found["rouge_2"] == pytest.approx(100 / 3)
    assert found["rouge_l"] == pytest.approx(75)


def test_nothing_said_scores_nothing() -> None:
    assert bleu_4([""], [["a b c d"]]) == 0
    assert rouge([""], [["a b c d"]]) == {"rouge_1": 0, "rouge_2": 0, "rouge_l": 0}
