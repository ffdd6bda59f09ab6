"""Sentences for shoppers, kept in a bundle and shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import BundleError
from goeswith.pipeline.explanation_writer import explain_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.text.explanation import ProductPair


@pytest.fixture
def bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundle, tmp_path / "shop"))


class Writer:
    """Says what both products are of; is cut off after some pairs where it is told to be."""

    name, max_tries = "writer", 2

    def __init__(self, most: int | None = None) -> None:
        self.written, self.max_k = 0, most

    def write(self, pairs: Sequence[ProductPair], attempt: int) -> list[str]:
        self.written += len(pairs)
        if self.max_k is not None and self.written > self.max_k:
            raise KeyboardInterrupt
        return [
            f"because they are {pair.source['type']} and {pair.target['type']}" for pair in pairs
        ]


def test_a_bundle_has_no_explanations_until_they_are_requested(shop_bundle: Path) -> None:
    opened = Bundle.open(shop_bundle)
    assert {answer.explanation for answer in opened.complements("phone-1", 3)} == {None}
    opened.explanations.use_templates = True
    first = opened.complements("phone-1", 1)[0]
    count = first.evidence.bought_together
    assert first.explanation == f"Bought together in {count} baskets, and both are by brand 1."


def test_templates_are_kept_and_change_nothing_else(bundle: Path) -> None:
    before = Bundle.open(bundle)
    shown_before = before.complements("phone-1", 5)
    done = explain_bundle(bundle, top=3)
    after = Bundle.open(bundle, verify=True)
    assert done.by == {"template": done.pairs}
    assert after.id != before.id
    assert after.manifest["explanations"]["top"] == 3
    found = after.complements("phone-1", 5)
    assert [answer.why for answer in found] == [answer.why for answer in shown_before]
    assert all(answer.explanation for answer in found[:3])
    assert not any(answer.explanation for answer in found[3:])
    before.explanations.use_templates = True
    assert [a.explanation for a in before.complements("phone-1", 3)] == [
        a.explanation for a in found[:3]
    ]
    assert after.basket(["phone-1", "camera-1"], 1)[0].explanation


def test_sentences_of_a_model_are_kept_where_they_hold(bundle: Path) -> None:
    done = explain_bundle(bundle, Writer(), top=2)
    assert done.by == {"writer": done.pairs}
    first = Bundle.open(bundle).complements("phone-1", 1)[0]
    assert first.explanation == f"They are phone and {first.type}."


def test_a_run_that_was_interrupted_goes_on_and_ends_as_another(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goeswith.pipeline.explanation_writer._BLOCK", 8)
    other = Path(shutil.copytree(bundle, tmp_path / "other"))
    explain_bundle(other, Writer(), top=2)
    before = Bundle.open(bundle).id
    with pytest.raises(KeyboardInterrupt):
        explain_bundle(bundle, Writer(most=40), top=2)
    assert Bundle.open(bundle, verify=True).id == before
    journal = tmp_path / ".shop.explaining.jsonl"
    with journal.open("a") as out:
        out.write('{"row": 49, "targ')  # the last line of a run that was killed
    writer = Writer()
    done = explain_bundle(bundle, writer, top=2)
    assert 0 < done.resumed < 50
    assert writer.written < done.pairs
    assert not journal.exists()
    kept = [Bundle.open(path).explanation_arrays for path in (bundle, other)]
    for name in kept[0]:
        assert (kept[0][name] == kept[1][name]).all()


def test_a_journal_of_another_writer_is_not_gone_on_with(bundle: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        explain_bundle(bundle, Writer(most=0), top=2)
    assert explain_bundle(bundle, top=2).resumed == 0
    with pytest.raises(BundleError, match="but k is 99"):
        explain_bundle(bundle, top=99)
    with pytest.raises(BundleError, match="no such folder"):
        explain_bundle(bundle.with_name("nothing"))


def test_an_update_says_that_explanations_are_of_before(
    bundle: Path, tmp_path: Path, shop_folder: Path
) -> None:
    explain_bundle(bundle)
    products = tmp_path / "products.csv"
    products.write_text("product_id,title,type,brand,price\nphone-99,Phone 99,phone,brand 0,9\n")
    updated = update_bundle(bundle, products=products)
    assert any("goeswith explain" in note for note in updated.notes)
    assert Bundle.open(bundle).complements("phone-1", 1)[0].explanation is None


def test_the_command_line_explains_and_shows(bundle: Path) -> None:
    run = CliRunner().invoke(app, ["explain", str(bundle), "--top", "2"])
    assert run.exit_code == 0
    assert "by template" in run.output
    arguments = ["recommend", str(bundle), "phone-1", "-k", "2"]
    shown = " ".join(
        CliRunner().invoke(app, [*arguments, "--explain"]).stdout.replace("│", " ").split()
    )
    assert "explanation" in shown
    assert "and both are by brand 1." in shown
    shown_before = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert shown_before["complements"][0]["explanation"].startswith("Bought together")


def test_the_service_tells_what_was_kept(bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    import asyncio

    import httpx

    from goeswith.serve.app import create_app
    from goeswith.settings.serve_settings import ServeSettings

    explain_bundle(bundle, top=1)

    async def ask(address: str) -> Any:
        transport = httpx.ASGITransport(create_app(bundle, ServeSettings(log=False)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get(address)).json()

    found = asyncio.run(ask("/v1/products/phone-1/complements?k=2"))["complements"]
    assert found[0]["explanation"].startswith("Bought together")
    assert found[1]["explanation"] is None


def test_reading_explanations_needs_no_language_model(bundle: Path) -> None:
    import subprocess
    import sys

    explain_bundle(bundle)
    code = (
        "import sys; from goeswith.query.bundle import Bundle; "
        f"b = Bundle.open({str(bundle)!r}); b.explanations.use_templates = True; "
        "assert b.complements('phone-1', 5)[4].explanation; "
        "print(*{'torch', 'transformers', 'scipy'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not out.stdout.strip()
