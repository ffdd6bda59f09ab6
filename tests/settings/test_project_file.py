from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from goeswith.core.errors import ConfigError
from goeswith.settings.default_file import default_toml
from goeswith.settings.project_file import load_settings
from goeswith.settings.sections import Settings


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "goeswith.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_project_file_every_setting_has_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings() == Settings()


def test_a_project_file_in_the_working_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "[fit]\nk = 7\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().fit.k == 7


def test_the_written_file_holds_every_setting_at_its_default(tmp_path: Path) -> None:
    read = load_settings(written(tmp_path, default_toml()))
    assert read.model_copy(update={"models": {}}) == Settings()


def test_every_setting_is_described_above_its_value() -> None:
    lines = default_toml().splitlines()
    for above, line in pairwise(lines):
        if " = " in line and not line.startswith("#"):
            assert above.startswith("# ")
            assert above != "# None", line


def test_every_table_of_the_written_file_is_toml_with_sections() -> None:
    content = tomllib.loads(default_toml())
    assert {"data", "relations", "fit", "evaluation", "serve", "models"} <= content.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[fit]\nmodle = 'ease'\n", "unknown key 'fit.modle'; did you mean 'model'?"),
        ("[fti]\nk = 1\n", "unknown key 'fti'; did you mean 'fit'?"),
        ("[serve]\nport = 99999\n", "serve.port = 99999"),
        ("[fit]\nmodel = 'cocitaton'\n", "did you mean 'cocitation'?"),
        ("[models.ease]\nlamda = 3\n", "lamda"),
        ("[fit\n", "cannot be read as TOML"),
        ("a = " + "[" * 10_000, "cannot be read as TOML"),
        ("[relations]\nhalf_life_days = inf\n", "half_life_days = inf"),
        ("[serve]\nrate = inf\n", "serve.rate = inf"),
        ("[serve]\norigins = ['*.shop.example']\n", "is not an origin"),
    ],
)
def test_a_wrong_project_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_settings(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_key_that_may_be_a_word_or_a_number_is_reported_once_with_both(tmp_path: Path) -> None:
    path = written(tmp_path, "[relations]\nmin_co_purchase = 0\n")
    with pytest.raises(ConfigError) as raised:
        load_settings(path)
    assert str(raised.value).endswith(
        "relations.min_co_purchase = 0: input should be 'auto', or input should be greater than or "
        "equal to 1"
    )


def test_a_missing_project_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="goeswith config -o"):
        load_settings(tmp_path / "absent.toml")


def test_the_settings_of_the_page_exist_and_are_at_their_defaults(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "settings.md"
    blocks = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    common = max(blocks, key=len)
    assert load_settings(written(tmp_path, common)) == Settings()
    unset = re.sub(r"^# (\w+ = )", r"\1", common, flags=re.MULTILINE)
    assert sum(map(len, tomllib.loads(unset).values())) == 25
    for block in (*blocks, unset):
        load_settings(written(tmp_path, block))


@pytest.mark.parametrize(
    ("section", "old", "new", "value"),
    [
        ("serve", "remember", "cache_mb", 3),
        ("serve", "patience", "shutdown_timeout", 7.5),
        ("relevance", "first", "judged_top_k", 9),
        ("relevance", "most_substitute", "max_substitute", 0.5),
        ("relevance", "most_irrelevant", "max_irrelevant", 0.25),
        ("fit", "keep_rare", "keep_below_support", True),
    ],
)
def test_former_names_are_read_with_a_warning(
    tmp_path: Path, section: str, old: str, new: str, value: object
) -> None:
    text = f"[{section}]\n{old} = {str(value).lower()}\n"
    with pytest.warns(FutureWarning, match=rf"{section}\.{old} is now called {section}\.{new}"):
        settings = load_settings(written(tmp_path, text))
    assert getattr(getattr(settings, section), new) == value


def test_a_former_name_beside_the_current_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"remove serve\.remember"):
        load_settings(written(tmp_path, "[serve]\nremember = 1\ncache_mb = 2\n"))
