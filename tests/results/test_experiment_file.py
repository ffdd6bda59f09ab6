"""The split of an experiment."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from goeswith.core.errors import ConfigError
from goeswith.results.experiments.experiment_file import Experiment, read_experiment

TEXT = """
name = "summer"
share = 0.5
holdout = 0.2
[variants.a]
weight = 3
[variants.b]
model = "popularity"
"""


def experiment(tmp_path: Path, text: str = TEXT) -> Experiment:
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return read_experiment(path)


def test_the_shares_are_those_of_the_file(tmp_path: Path) -> None:
    found = experiment(tmp_path)
    counts = Counter(found.assign(f"u{i}") for i in range(20_000))
    for variant, share in ((None, 0.5), ("holdout", 0.1), ("a", 0.3), ("b", 0.1)):
        assert counts[variant] / 20_000 == pytest.approx(share, abs=0.015)


def test_a_shopper_stays_and_another_experiment_splits_anew(tmp_path: Path) -> None:
    first = experiment(tmp_path)
    other = experiment(tmp_path, TEXT.replace("summer", "winter").replace("0.5", "1"))
    everyone = experiment(tmp_path, TEXT.replace("0.5", "1"))
    units = [f"u{i}" for i in range(4000)]
    assert [first.assign(u) for u in units] == [first.assign(u) for u in units]
    # a larger share moves nobody who took part
    assert all(everyone.assign(u) == first.assign(u) for u in units if first.assign(u))
    both = Counter((everyone.assign(u), other.assign(u)) for u in units)
    assert both[("holdout", "holdout")] / 4000 == pytest.approx(0.04, abs=0.015)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("0.5", "2"), "share: input should be less than or equal to 1"),
        (TEXT.replace("variants.a", "variants.holdout"), "a variant has a name other than"),
        (TEXT.replace("weight = 3", "wait = 3"), "variants.a.wait: unknown field"),
        ("name = ", "is not valid TOML"),
        ('name = "x"', "variants: field required"),
    ],
)
def test_a_fault_of_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        experiment(tmp_path, text)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_experiment(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[variants.c]\ninterleave = ["a", "d"]', "needs two other variants"),
        ('[variants.c]\ninterleave = ["a", "a"]', "needs two other variants"),
        ('[variants.c]\ninterleave = ["a", "b"]\nmodel = "ease"', "not both"),
        ("[guardrails]\nrevenues = 0.1", "guardrails"),
    ],
)
def test_an_interleaved_variant_merges_two_rankings(
    tmp_path: Path, more: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        experiment(tmp_path, TEXT + more)
    with pytest.raises(ConfigError, match="control = 'z' is not a variant"):
        experiment(tmp_path, 'control = "z"\n' + TEXT)
    weightless = TEXT.replace("weight = 3", "weight = 0") + "weight = 0"
    with pytest.raises(ConfigError, match="every variant has the weight 0"):
        experiment(tmp_path, weightless)


def test_a_variant_without_a_weight_gets_nobody(tmp_path: Path) -> None:
    found = experiment(tmp_path, TEXT + "weight = 0")
    assert {found.assign(f"u{i}") for i in range(2000)} == {None, "holdout", "a"}
    assert found.shares() == pytest.approx({"a": 0.8, "holdout": 0.2})
