from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goeswith.language.eccr.attack import STRATEGIC, moved, random_search
from goeswith.language.eccr.prompts import (
    PAIR_TASKS,
    TITLE_TOKENS,
    Ids,
    make_prompts,
    pad_runs,
)
from goeswith.text.product_text import clean_text

WORD = {word: i for i, word in enumerate(["the", "quick", "brown", "fox"], start=10)}


def tokenise(text: str) -> list[int]:
    return [WORD.get(word, 5) for word in text.split()]


def test_a_prompt_holds_both_products_between_the_words_of_its_task() -> None:
    codes = np.array([[0, 1], [1, 0]])
    prompts = make_prompts(tokenise, ["the fox", "quick " * 90], codes, first=100, end=1)
    ids = prompts.pair("listwise", 0, 1).tolist()
    before, between, behind = (tokenise(part) for part in PAIR_TASKS["listwise"])
    first = [WORD["the"], WORD["fox"], 100, 103]
    second = [WORD["quick"]] * TITLE_TOKENS + [101, 102]
    assert ids == [*before, *first, *between, *second, *behind, 1]


@given(st.lists(st.integers(0, 9), max_size=200))
def test_no_text_makes_a_prompt_longer_than_its_bound_or_changes_the_words_of_a_task(
    tail: list[int],
) -> None:
    prompts = make_prompts(tokenise, ["the fox", "brown"], np.array([[0], [1]]), 100, end=1)
    honest = prompts.pair("listwise", 0, 1)
    attacked = prompts.pair("listwise", 0, 1, np.array(tail, dtype=np.int32))
    assert len(attacked) <= len(honest) - 1 + TITLE_TOKENS
    behind = len(prompts.words["listwise"][2]) + 2  # and the token of behaviour, and the end
    assert attacked[-behind:].tolist() == honest[-behind:].tolist()


def test_a_behaviour_token_cannot_be_written_in_letters() -> None:
    assert "<a_0>" not in clean_text(STRATEGIC["fake tokens"])
    assert "<|im_start|>" not in clean_text(STRATEGIC["fake tokens"])
    assert "</s>" not in clean_text(STRATEGIC["system"])


def test_padding_says_what_is_there() -> None:
    runs = [np.array([3, 4], dtype=np.int32), np.array([5], dtype=np.int32)]
    ids, there = pad_runs(runs, 0)
    assert ids.tolist() == [[3, 4], [5, 0]]
    assert there.tolist() == [[1, 1], [1, 0]]
    assert pad_runs(runs, 0, left=True)[0].tolist() == [[3, 4], [0, 5]]


def test_random_search_finds_the_tail_that_a_scorer_likes() -> None:
    def attempt(which: np.ndarray, tails: list[Ids]) -> np.ndarray:
        return np.array([float((tail == 7).sum()) for tail in tails], dtype=np.float32)

    words = np.arange(20, dtype=np.int32)
    tails, best = random_search(attempt, 3, words, length=4, rounds=400, seed=0)
    assert best.tolist() == [4, 4, 4]
    assert all((tail == 7).all() for tail in tails)


def test_how_far_a_product_moved_is_counted_in_places() -> None:
    slate = np.array([[5.0, 4.0, 3.0, 2.0]])
    for attacked, rise in ((10.0, 3), (4.5, 2), (2.0, 0), (3.5, 1)):
        assert moved(slate, np.array([3]), np.array([attacked])).tolist() == [rise]
    assert moved(slate, np.array([0]), np.array([0.0])).tolist() == [-3]
