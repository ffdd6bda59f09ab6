from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli import output
from goeswith.cli.main import app
from goeswith.core.errors import GoesWithError
from goeswith.query.bundle import Bundle


def on_terminal(arguments: list[str], monkeypatch: pytest.MonkeyPatch, width: int = 80) -> str:
    """What a command prints on a terminal."""
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    run = CliRunner().invoke(app, arguments, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert run.exit_code == 0
    return re.sub(r"\x1b\[\d*m", "", run.stdout)


def test_a_terminal_of_80_columns_drops_columns_and_names_them(
    shop_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_terminal(["recommend", str(shop_bundle), "phone-1", "-k", "2"], monkeypatch)
    assert "Recommended with phone-1 (Phone 1)" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "…" not in shown
    for answer in Bundle.open(shop_bundle).complements("phone-1", 2):
        assert f"{answer.score:.4g}" in shown


def test_no_recommendation_leaves_the_header_and_says_so(shop_bundle: Path) -> None:
    given_lines = ["recommend", str(shop_bundle), "phone-1", "--where", "price<0"]
    run = CliRunner().invoke(app, given_lines)
    assert run.exit_code == 0
    assert run.stdout.splitlines()[0].startswith("rank\tproduct_id")
    assert len(run.stdout.splitlines()) == 1
    assert "Recommended with phone-1 (Phone 1): no product that meets the" in run.stderr


def test_every_line_shows_the_evidence(shop_bundle: Path) -> None:
    run = CliRunner().invoke(app, ["recommend", str(shop_bundle), "phone-1", "-k", "3"])
    assert run.exit_code == 0
    answers = Bundle.open(shop_bundle).complements("phone-1", 3)
    header, *lines = [line.split("\t") for line in run.stdout.splitlines()]
    for line, answer in zip(lines, answers, strict=True):
        shown = dict(zip(header, line, strict=True))
        assert shown["product_id"] == answer.product_id
        assert shown["why"] == answer.why
        assert float(shown["score"]) == answer.score


def test_json_holds_what_the_library_answers(shop_bundle: Path) -> None:
    run = CliRunner().invoke(app, ["recommend", str(shop_bundle), "phone-9", "-k", "2", "--json"])
    printed = json.loads(run.stdout)
    bundle = Bundle.open(shop_bundle)
    assert printed["bundle"] == bundle.id
    assert printed["product"] == {"product_id": "phone-9", "title": "Phone 9", "type": "phone"}
    for line, answer in zip(printed["complements"], bundle.complements("phone-9", 2), strict=True):
        assert line["product_id"] == answer.product_id
        assert line["fallback"] is True
        assert line["why"] == answer.why
        assert answer.evidence.link is not None
        assert line["evidence"]["link"]["with_target"] == answer.evidence.link.with_target


@pytest.mark.parametrize(
    ("option", "key", "title"),
    [
        ("--similars", "similars", "Alternatives to case-1 (Case 1)"),
        ("--reverse", "sources", "Recommended for: case-1 (Case 1)"),
    ],
)
def test_similars_and_reverse_are_those_of_the_library(
    shop_bundle: Path, option: str, key: str, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_lines = ["recommend", str(shop_bundle), "case-1", "-k", "3", option]
    bundle = Bundle.open(shop_bundle)
    found = (bundle.similars if key == "similars" else bundle.reverse)("case-1", 3)
    printed = json.loads(CliRunner().invoke(app, [*given_lines, "--json"]).stdout)
    assert [line["product_id"] for line in printed[key]] == [answer.product_id for answer in found]
    assert title in " ".join(on_terminal(given_lines, monkeypatch).split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{bundle}", "phone-1", "--similars", "--reverse"], "one of --similars and --reverse"),
        (["{bundle}", "phone-1", "phone-2", "--similars"], "need one product"),
        (["{bundle}", "phone-1", "--similars", "--per-type", "1"], "no pins, quotas"),
        (["{bundle}", "phone-1", "--reverse", "--ban", "case-1"], "does not accept filters"),
        (["{bundle}", "phone-11"], "did you mean phone-1 (Phone 1)"),
        (["{bundle}", "tripod"], "did you mean tripod-"),
        (["{bundle}", "phone-1", "-k", "9"], "stores 8 recommendations per product, but k is 9"),
        (["nowhere", "phone-1"], "there is no such folder"),
    ],
)
def test_what_cannot_be_answered_says_why(
    shop_bundle: Path, arguments: list[str], message: str
) -> None:
    run = CliRunner().invoke(app, ["recommend", *(a.format(bundle=shop_bundle) for a in arguments)])
    assert isinstance(run.exception, GoesWithError)
    assert message in str(run.exception)


def test_the_process_ends_with_code_2_and_loads_no_heavy_library(shop_bundle: Path) -> None:
    code = (
        "import sys\nfrom goeswith.cli.main import main\n"
        f"sys.argv = ['goeswith', 'recommend', {str(shop_bundle)!r}, sys.argv[1]]\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    heavy = {"torch", "scipy", "polars", "duckdb", "ibis", "sklearn", "pyarrow", "matplotlib"}
    for product, expected in (("phone-1", 0), ("phone-11", 2)):
        run = subprocess.run(
            [sys.executable, "-c", code, product],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == expected
        assert "Traceback" not in run.stderr
        modules = run.stderr.splitlines()[-1].split()
        assert "goeswith.query.bundle" in modules
        # an error is drawn by rich; an answer in a pipe needs neither that nor pydantic
        unused = heavy | (set() if expected else {"logging", "pydantic", "rich"})
        assert not unused & {name.split(".")[0] for name in modules}


def test_a_session_is_answered_in_its_order(
    shop_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_lines = ["recommend", str(shop_bundle), "--session", 'phone-4,"phone-1"', "-k", "3"]
    expected = Bundle.open(shop_bundle).session(["phone-4", "phone-1"], 3)
    lines = [*given_lines[:3], "phone-4\rphone-1", *given_lines[4:], "--json"]
    assert (
        json.loads(CliRunner().invoke(app, lines).stdout)["session"][1]["product_id"] == "phone-1"
    )
    printed = json.loads(CliRunner().invoke(app, [*given_lines, "--json"]).stdout)
    assert [one["product_id"] for one in printed["session"]] == ["phone-4", "phone-1"]
    assert [one["product_id"] for one in printed["next"]] == [a.product_id for a in expected]
    assert [one["followed"] for one in printed["next"]] == [a.followed for a in expected]
    shown = " ".join(on_terminal(given_lines, monkeypatch).split())
    assert "Next after phone-4 (Phone 4), phone-1 (Phone 1)" in shown


def test_a_session_excludes_other_queries(shop_bundle: Path) -> None:
    run = CliRunner().invoke(
        app, ["recommend", str(shop_bundle), "phone-1", "--session", "phone-2"]
    )
    assert "--session A,B,C" in str(run.exception)
    assert isinstance(run.exception, GoesWithError)


@pytest.mark.parametrize("width", [60, 80, 104])
def test_no_line_is_wider_than_the_terminal(
    shop_bundle: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["recommend", str(shop_bundle), "phone-1", "-k", "3"]
    lines = on_terminal(arguments, monkeypatch, width).splitlines()
    assert len(lines) > 4
    assert all(len(line.rstrip()) <= width for line in lines)
