from __future__ import annotations

from pathlib import Path

import pytest

from goeswith.core.errors import ConfigError
from goeswith.settings.project_file import load_settings


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_variables_win_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "goeswith.toml").write_text("[serve]\nport = 1234\nmax_k = 7\n")
    monkeypatch.setenv("GOESWITH_SERVE_PORT", "4321")
    monkeypatch.setenv("GOESWITH_SERVE_LIVE", "false")
    monkeypatch.setenv("GOESWITH_SERVE_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("GOESWITH_KEYS_FILE", "keys")
    monkeypatch.setenv("GOESWITH_FIT_K", "3")
    settings = load_settings(None)
    serve = settings.serve
    assert (serve.port, serve.max_k, serve.live, settings.fit.k) == (4321, 7, False, 3)
    assert serve.origins == ["https://a.example", "https://b.example"]
    assert str(serve.keys_file) == "keys"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GOESWITH_SERVE_PROT", "1", "did you mean GOESWITH_SERVE_PORT"),
        ("GOESWITH_SERVE_PORT", "many", "GOESWITH_SERVE_PORT = 'many'"),
        ("GOESWITH_SERVE_MAX_K", "0", "greater than or equal to 1"),
    ],
)
def test_a_variable_that_is_wrong_stops_the_command(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=message):
        load_settings(None)


def test_variables_of_something_else_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_TEST_EXAMPLES", "x")
    monkeypatch.setenv("SERVE_PORT", "1")
    assert load_settings(None).serve.port == 8000


def test_a_former_variable_is_read_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOESWITH_SERVE_PATIENCE", "5")
    with pytest.warns(FutureWarning, match="now called GOESWITH_SERVE_SHUTDOWN_TIMEOUT"):
        assert load_settings(None).serve.shutdown_timeout == 5


def test_a_former_variable_beside_the_current_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOESWITH_SERVE_PATIENCE", "5")
    monkeypatch.setenv("GOESWITH_SERVE_SHUTDOWN_TIMEOUT", "6")
    with pytest.raises(ConfigError, match="remove GOESWITH_SERVE_PATIENCE"):
        load_settings(None)
