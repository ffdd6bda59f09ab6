from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError
from goeswith.settings.default_file import COMMON, default_toml
from goeswith.settings.project_file import load_settings
from goeswith.settings.sections import Settings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "settings.md"


def test_the_common_settings_are_those_of_the_page() -> None:
    printed = CliRunner().invoke(app, ["config"]).stdout
    assert printed == default_toml(every=False)
    assert f"```toml\n{printed}```" in PAGE.read_text(encoding="utf-8")
    assert sum(map(len, COMMON.values())) == 25


def test_the_common_settings_are_a_project_file_of_the_defaults(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["config", "-o", str(tmp_path / "goeswith.toml")])
    assert run.exit_code == 0, run.output
    assert load_settings(tmp_path / "goeswith.toml") == Settings()
    again = CliRunner().invoke(app, ["config", "-o", str(tmp_path / "goeswith.toml")])
    assert isinstance(again.exception, ConfigError)


def test_a_setting_without_a_default_shows_an_example(tmp_path: Path) -> None:
    text = default_toml(every=False)
    for line in ("half_life_days = 90", 'keys_file = "keys"', "per_type = 2"):
        assert f"# {line}\n" in text
        text = text.replace(f"# {line}\n", f"{line}\n")
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    assert load_settings(tmp_path / "p.toml").slate.per_type == 2


def test_all_prints_every_setting() -> None:
    content = tomllib.loads(CliRunner().invoke(app, ["config", "--all"]).stdout)
    assert content["evaluation"]["folds"] == 5
    assert "ease" in content["models"]


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_file_can_be_checked(tmp_path: Path, json: list[str]) -> None:
    (tmp_path / "p.toml").write_text("[fit]\nk = 7\n", encoding="utf-8")
    run = CliRunner().invoke(app, ["config", "--check", str(tmp_path / "p.toml"), *json])
    assert run.exit_code == 0, run.output
    assert "p.toml" in run.stdout
