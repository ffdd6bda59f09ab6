"""The health of an opened bundle, with rules and live facts, and its notices."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.facts.fact_writer import FactChange, FactWriter
from goeswith.health.health_report import (
    BuildHealth,
    Coverage,
    Hub,
    LogDay,
    LogVolume,
    RulesInUse,
    TopFive,
)
from goeswith.health.live_health import HealthReader
from goeswith.health.notices import health_notices
from goeswith.query.bundle import Bundle
from goeswith.rules.rule import Rule
from goeswith.rules.rule_store import RuleStore


@pytest.fixture
def bundle(shop_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


def test_rules_that_change_recommendations_are_counted(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    reader = HealthReader(opened)
    assert reader.report().rules == RulesInUse(rules=0, tried=0, firing=[], silent=[])
    store = RuleStore(bundle)
    ban = {"id": "no-case", "action": "ban", "target": {"products": ["case-1"]}}
    far = {"id": "far", "action": "ban", "target": {"products": ["phone-9"]}}
    german = {**far, "id": "german", "markets": ["de"]}
    store.put([Rule.model_validate(rule) for rule in (ban, far, german)], None)
    rules = reader.report().rules
    lists = [opened.products.ids[row] for row in range(len(opened))]
    changed = [one for one in lists if opened.complements(one, 8).rules]
    assert rules.rules == 3
    assert [(one.rule, one.products) for one in rules.firing] == [("no-case", len(changed))]
    assert rules.silent == ["far"]


def test_the_command_shows_the_figures_and_prints_all_of_them_as_json(bundle: Path) -> None:
    opened = Bundle.open(bundle)
    FactWriter(opened, opened.live).write([FactChange("case-1", {"stock": 0})])
    done = CliRunner().invoke(app, ["health", str(bundle), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["bundle"], document["unavailable"]) == (opened.id, 1)
    assert document["coverage"]["products"] == 50
    assert document["log"]["missing"] == 0
    plain = CliRunner().invoke(app, ["health", str(bundle)]).stdout
    assert "coverage\tproducts\t50" in plain.splitlines()


def coverage(**changed: int) -> Coverage:
    fields = {"without": 0, "few": 0, "fallback_only": 0, "without_type": 0, **changed}
    return Coverage(products=100, recommended=50, models=[], **fields)


def health(log: LogVolume | None = None, **changed: Any) -> BuildHealth:
    shares = {"look_alikes": 0.0, "fallback": 0.0, "bought_together": 1.0}
    top = TopFive(recommendations=1, same_type=None, strong=None, medium=None, weak=None, **shares)
    fields = {"coverage": coverage(), "top_five": top, "hubs": [], "issues": {}, **changed}
    return BuildHealth(weak_products=[], changes=None, log=log, **fields)


NO_RULES = RulesInUse(rules=0, tried=0, firing=[], silent=[])


def codes(health: BuildHealth) -> list[str]:
    return [notice.code for notice in health_notices(health, NO_RULES, [])]


def days(volumes: list[int]) -> LogVolume:
    found = [
        LogDay(
            day=f"2024-{1 + i // 28:02}-{1 + i % 28:02}",
            events=n,
            purchases=n,
            views=0,
            new_products=None,
        )
        for i, n in enumerate(volumes)
    ]
    return LogVolume(first=found[0].day, last=found[-1].day, days=found, missing=0, missing_days=[])


def test_notices_name_what_is_unusual_and_nothing_else() -> None:
    assert codes(health()) == []
    assert codes(health(coverage=coverage(without=1, few=2))) == [
        "no_recommendations",
        "few_recommendations",
    ]
    assert codes(health(coverage=coverage(fallback_only=51))) == ["fallback_only"]
    hubs = [
        Hub(product_id="a", title=None, lists=lists, share=lists / 500) for lists in (60, 50, 49)
    ]
    (notice,) = health_notices(health(hubs=hubs), NO_RULES, [])
    assert notice.text == "a is in 12.0% of the top fives, and 1 more in over 5%"
    assert codes(health(days([100] * 40))) == []
    # the last day may not be over
    assert codes(health(days([100] * 39 + [1]))) == []
    assert codes(health(days([100] * 32 + [50] * 8))) == ["volume"]
