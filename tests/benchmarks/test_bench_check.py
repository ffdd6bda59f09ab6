"""The comparison of ratios of `make bench-check`, on works that take no time."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "bench_check.py"


@pytest.fixture
def check(monkeypatch, tmp_path):
    """A function: ratios by name, arguments -> exit code, and the stored ratios."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("bench_check", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "RESULT", tmp_path / "bench-check.json")
    # the child of a test must not be left with one thread by accident: undone with the test
    monkeypatch.setattr(script.os, "environ", dict(script.os.environ))

    def run(ratios, *arguments):
        works = SimpleNamespace(works=lambda folder: ratios)
        monkeypatch.setitem(sys.modules, "bench_check_works", works)
        monkeypatch.setattr(
            script,
            "ratio",
            lambda pair, rounds: {"ratio": pair, "goeswith_seconds": 1.0, "plain_seconds": pair},
        )
        monkeypatch.setattr(sys, "argv", ["bench_check.py", *arguments])
        try:
            script.main()
        except SystemExit as end:
            return end.code
        return None

    run.stored = lambda: json.loads((tmp_path / "bench-check.json").read_text())["works"]
    return run


def test_a_ratio_that_fell_by_more_than_a_fifth_is_listed(check, capsys):
    assert check({"counting": 2.0, "search": 0.5}, "--store") is None
    assert check({"counting": 1.7, "search": 0.5}) == 0
    assert check({"counting": 1.5, "search": 0.9}) == 1
    assert "slower: counting: the ratio fell by 25%" in capsys.readouterr().out


def test_a_new_work_is_named_and_one_alone_keeps_the_others(check, capsys):
    check({"counting": 2.0}, "--store")
    assert check({"counting": 2.0, "starting": 1.0}) == 0
    assert "not stored yet: starting" in capsys.readouterr().out
    check({"counting": 2.0, "starting": 1.5}, "--store", "--only", "start")
    assert {name: one["ratio"] for name, one in check.stored().items()} == {
        "counting": 2.0,
        "starting": 1.5,
    }
