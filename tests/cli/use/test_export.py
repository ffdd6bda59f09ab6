from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError
from goeswith.query.bundle import Bundle


def test_a_file_gets_ten_answers_a_product_or_so_many_as_the_bundle_holds(
    shop_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    ended = CliRunner().invoke(
        app, ["export", str(shop_bundle), "--to", "jsonl", "--out", str(out), "--why"]
    )
    assert ended.exit_code == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    bundle = Bundle.open(shop_bundle)
    assert f"{len(rows):,} recommendations for 50 of 50 products, at most 8 each" in ended.stderr
    summary = dict(zip(*(line.split("\t") for line in ended.stdout.splitlines()), strict=True))
    assert summary["bundle"] == bundle.id
    assert summary["recommendations"] == str(len(rows))
    first = bundle.complements("phone-1", 8)
    found = [row for row in rows if row["source_id"] == "phone-1"]
    assert [row["why"] for row in found] == [answer.why for answer in first]


def test_what_is_shown_can_be_chosen(shop_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    chosen = ["--where", "type=case", "--ban", "case-1", "-k", "2"]
    to = ["--to", "jsonl", "--out", str(out)]
    assert CliRunner().invoke(app, ["export", str(shop_bundle), *to, *chosen]).exit_code == 0
    targets = {json.loads(line)["target_id"] for line in out.read_text().splitlines()}
    assert "case-1" not in targets
    assert {target.split("-")[0] for target in targets} == {"case"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "csv"], "--to csv needs --out FILE"),
        (["--to", "redis"], "--to redis needs --url URL"),
        (["--to", "csv", "--out", "a.csv", "--table", "t"], "--table is not for --to csv"),
        (["--to", "redis", "--url", "redis://x", "--out", "a"], "--out is not for --to redis"),
        (["--to", "postgres", "--url", "postgresql:///", "--grace", "9"], "--grace is not for"),
        (["--to", "csv", "--out", "a.csv", "-k", "9"], "stores 8 recommendations per product"),
        (["--to", "csv", "--out", "a.csv", "--where", "nosuch=1"], "nosuch"),
    ],
)
def test_what_cannot_be_done_says_why(
    shop_bundle: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GOESWITH_EXPORT_URL", raising=False)
    ended = CliRunner().invoke(app, ["export", str(shop_bundle), *arguments])
    assert message in str(ended.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_ban_of_what_is_gone_is_reported(shop_bundle: Path, tmp_path: Path) -> None:
    out = ["--to", "csv", "--out", str(tmp_path / "a.csv"), "--ban", "case-99"]
    ended = CliRunner().invoke(app, ["export", str(shop_bundle), *out])
    assert ended.exit_code == 0
    assert "skipped ban case-99: the bundle has no such product" in ended.output
    assert (tmp_path / "a.csv").stat().st_size > 1000


def test_a_database_that_does_not_answer_ends_the_process_with_code_2_and_no_password(
    shop_bundle: Path, run_command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "//shop:opensesame@127.0.0.1:1/0"
    monkeypatch.setenv("GOESWITH_EXPORT_URL", f"redis:{address}")
    for arguments in (["postgres", "--url", f"postgresql:{address}"], ["redis"]):
        code, printed, stderr = run_command("export", shop_bundle, "--to", *arguments)
        assert code == 2
        assert "127.0.0.1" in stderr
        assert "the existing data are unchanged" in stderr
        assert "Traceback" not in stderr
        assert "sesame" not in printed + stderr


@pytest.mark.parametrize(("to", "needs"), [("postgres", "psycopg"), ("redis", "redis")])
def test_a_database_whose_library_is_missing_says_what_to_install(
    to: str, needs: str, shop_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, needs, None)
    ended = CliRunner().invoke(
        app, ["export", str(shop_bundle), "--to", to, "--url", f"{to}://h/0"]
    )
    assert isinstance(ended.exception, ConfigError)
    assert "pip install 'goeswith[export]'" in str(ended.exception)


def test_a_file_goes_into_a_store(shop_bundle: Path) -> None:
    store = fsspec.filesystem("memory")
    address = "memory://out/complements.csv"
    ended = CliRunner().invoke(app, ["export", str(shop_bundle), "--to", "csv", "-o", address])
    assert ended.exit_code == 0, ended.output
    assert address in ended.output
    assert store.cat("/out/complements.csv").startswith(b"source_id,")
    store.store.clear()
