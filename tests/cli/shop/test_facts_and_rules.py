"""`goeswith facts` and `goeswith rules`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError
from goeswith.query.bundle import Bundle


@pytest.fixture
def bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


def run(*arguments: str | Path, code: int = 0):
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done


def shown(bundle: Path, product: str = "phone-1") -> list[str]:
    return [one.product_id for one in Bundle.open(bundle).complements(product, 8)]


def test_a_table_changes_products_and_reports_what_it_cannot_use(
    bundle: Path, tmp_path: Path
) -> None:
    first, second, third, *_ = shown(bundle)
    file = tmp_path / "stock.csv"
    file.write_text(
        f"product_id,stock,price,deleted\n{first},0,,\n{second},5,1.5,\n{third},,,yes\n"
        "case-99,1,,\nphone-2,many,,\n"
    )
    done = run("facts", bundle, file)
    assert "3 products changed" in done.stderr
    assert "4\tcase-99" in done.stdout
    assert "stock = 'many' is not a number" in done.stdout
    assert shown(bundle)[0] == second
    assert third not in shown(bundle)
    assert Bundle.open(bundle).product(second)["price"] == 1.5
    state = json.loads(run("facts", bundle, "--json").stdout)
    assert state["changed"] == {"deleted": 1, "in_stock": 2, "price": 1, "stock": 2}
    assert state["unavailable"] == 2
    with pytest.raises(DataError, match="is not a number"):
        run("facts", bundle, file, "--strict")


def test_a_table_without_ids_is_refused(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sku,price\na,1\n")
    with pytest.raises(DataError, match=r"no column product_id; it has sku, price\. Rename"):
        run("facts", bundle, tmp_path / "a.csv")


def test_a_table_without_a_usable_row_fails_with_the_reason(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("product_id,stok\nphone-1,1\n")
    with pytest.raises(DataError, match=r"no row can be used; row 1: .*did you mean 'stock'"):
        run("facts", bundle, tmp_path / "a.csv")


def test_counts_of_one_have_a_singular(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("product_id,stock\nphone-1,1\n")
    assert "1 product changed" in run("facts", bundle, tmp_path / "a.csv").stderr
    rule = {"id": "a", "action": "ban", "target": {"types": ["case"]}}
    (tmp_path / "rules.json").write_text(json.dumps({"version": 1, "rules": [rule]}))
    assert "1 rule\n" in run("rules", "add", bundle, tmp_path / "rules.json").stderr
    assert "1 rule, 0 problems" in run("rules", "check", bundle).stderr


def test_rules_are_previewed_added_checked_and_undone(bundle: Path, tmp_path: Path) -> None:
    first, second, *_ = before = shown(bundle)
    file = tmp_path / "rules.toml"
    file.write_text(
        f"""
version = 1
[[rules]]
id = "not-this"
action = "ban"
target = {{products = ["{first}", "case-99"]}}
end = 2999-01-31
"""
    )
    preview = run("rules", "preview", bundle, file, "--product", "phone-1", "--json")
    assert json.loads(preview.stdout)["differences"][0]["left"] == [first]
    assert shown(bundle) == before
    done = run("rules", "add", bundle, file)
    assert "case-99" in done.stderr
    assert shown(bundle)[0] == second
    assert "not-this" in run("rules", "list", bundle).stdout
    assert "case-99" in run("rules", "check", bundle, code=1).stdout
    run("rules", "undo", bundle)
    assert shown(bundle) == before
    assert run("rules", "check", bundle).exit_code == 0
    changes = json.loads(run("rules", "history", bundle, "--json").stdout)["changes"]
    assert [(one["revision"], one["undoes"]) for one in changes] == [(2, 1), (1, None)]
    with pytest.raises(ConfigError, match="no change of the rules to undo"):
        run("rules", "undo", bundle)
    with pytest.raises(ConfigError, match="there is no rule 'not-this'"):
        run("rules", "remove", bundle, "not-this")


def test_an_edit_by_hand_is_applied_recorded_and_undone(bundle: Path, tmp_path: Path) -> None:
    first, *_ = before = shown(bundle)
    rule = {"id": "a", "action": "ban", "target": {"products": [first]}}
    (bundle / "live").mkdir(exist_ok=True)
    (bundle / "live" / "rules.json").write_text(json.dumps({"version": 1, "rules": [rule]}))
    assert first not in shown(bundle)
    run("rules", "undo", bundle)
    assert shown(bundle) == before
    changes = json.loads(run("rules", "history", bundle, "--json").stdout)["changes"]
    assert [one["action"] for one in changes] == ["undo", "edit of the file"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ('{"version": 2, "rules": []}', "reads version 1"),
        ('{"rules": []}', "reads version 1"),
        ("[]", "has no rules"),
        ('{"version": 1, "rules": [], "more": 1}', "unknown entry 'more'"),
        ('{"version": 1, "rules": [{"id": "a", "action": "hide"}]}', "rule 'a': action"),
        ('{"version": 1, "rules": [{}]}', "rule None: id"),
        ('{"version": 1, "rules": [{"id": "a", "action": "pin"}]}', "'a': the action pin needs"),
        (
            '{"version": 1, "rules": [{"id": "a", "action": "ban", "traget": {}}]}',
            "traget: unknown field; did you mean 'target'",
        ),
        (
            '{"version": 1, "rules": [{"id": "a", "action": "ban", "target": {"product": []}}]}',
            "target.product: unknown field; did you mean 'products'",
        ),
    ],
)
def test_a_file_that_holds_no_rules_is_refused(
    bundle: Path, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "rules.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        run("rules", "add", bundle, file)
    # in place, it never makes an answer fail
    (bundle / "live").mkdir(exist_ok=True)
    shutil.copy(file, bundle / "live" / "rules.json")
    assert len(shown(bundle)) == 8


def test_recommend_says_what_it_skipped(bundle: Path) -> None:
    done = run("recommend", bundle, "phone-1", "--ban", "case-99", "--where", "prize<3")
    assert "skipped ban case-99" in done.stderr
    assert "skipped filter prize<3" in done.stderr


def test_recommend_says_which_rules_changed_the_list(bundle: Path, tmp_path: Path) -> None:
    first, *_ = json.loads(run("recommend", bundle, "phone-1", "--json").stdout)["complements"]
    rule = {"id": "never", "action": "ban", "target": {"products": [first["product_id"]]}}
    (tmp_path / "rules.json").write_text(json.dumps({"version": 1, "rules": [rule]}))
    run("rules", "add", bundle, tmp_path / "rules.json")
    shown = run("recommend", bundle, "phone-1")
    assert "changed by never; see `goeswith rules list`" in shown.stderr
    assert first["product_id"] not in shown.stdout
