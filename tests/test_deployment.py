"""What `deploy/` and its page name is there: commands, options, settings, addresses, files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from goeswith.cli.main import app
from goeswith.settings.environment import read_environment
from goeswith.settings.project_file import load_settings
from goeswith.settings.sections import Settings
from goeswith.settings.serve_settings import ServeSettings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICE: dict[str, Any] = COMPOSE["services"]["goeswith"]


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with its arguments."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def unit() -> dict[str, list[str]]:
    """The unit's settings; one may stand there several times."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "goeswith.service").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def environments() -> dict[str, dict[str, str]]:
    """Where variables are set -> those of goeswith's."""
    image = " ".join(rest for name, rest in steps() if name == "ENV")
    found = {
        "Dockerfile": dict(part.split("=", 1) for part in shlex.split(image)),
        "compose.yaml": dict(SERVICE["environment"]),
        "goeswith.service": dict(value.split("=", 1) for value in unit()["Environment"]),
    }
    return {
        where: {name: value for name, value in given.items() if name.startswith("GOESWITH_")}
        for where, given in found.items()
    }


def test_every_command_and_option_that_is_named_exists() -> None:
    named = [code.split() for code in re.findall(r"(?<=`)goeswith [^`]+(?=`)", PAGE)]
    named += [["goeswith", *SERVICE["command"]], shlex.split(unit()["ExecStart"][0])]
    entry = dict(steps())
    named.append([*yaml.safe_load(entry["ENTRYPOINT"]), *yaml.safe_load(entry["CMD"])])
    group = get_command(app)
    commands = {name: group.get_command(None, name) for name in group.list_commands(None)}  # type: ignore[attr-defined]
    assert len(named) > 5
    for _, command, *rest in named:
        options = {name for p in commands[command].params for name in (*p.opts, *p.secondary_opts)}
        assert {word for word in rest if word.startswith("-")} <= options, (command, rest)
    # options that the page names beside a table
    (winning,) = re.findall(r"the command line \(([^)]*)\)", PAGE)
    serving = {name for parameter in commands["serve"].params for name in parameter.opts}
    assert set(re.findall(r"--\w+", winning)) <= serving


@pytest.mark.parametrize("where", environments())
def test_every_variable_that_is_set_is_a_setting(
    where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    given = environments()[where]
    assert given
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings().serve
    for name, value in given.items():
        found = getattr(settings, name.removeprefix("GOESWITH_SERVE_").lower())
        assert type(found)(value) == found


def test_the_page_lists_settings_with_their_defaults() -> None:
    rows = re.findall(r"^\| `(GOESWITH_SERVE_\w+)` \| (\S+) \|", PAGE, flags=re.MULTILINE)
    defaults = ServeSettings()
    assert len(rows) > 5
    for name, shown in rows:
        default = getattr(defaults, name.removeprefix("GOESWITH_SERVE_").lower())
        plain = str(default).lower() if isinstance(default, bool) else str(default)
        assert shown == (f"`{plain}`" if default not in (None, []) else "–"), name


def test_every_variable_and_setting_that_is_named_exists() -> None:
    texts = [PAGE, *(path.read_text(encoding="utf-8") for path in DEPLOY.iterdir())]
    named = {name for text in texts for name in re.findall(r"GOESWITH_[A-Z_]+", text)}
    read_environment(dict.fromkeys(named, ""), {"serve": Settings().serve})
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", PAGE))
    others = {"true", "bundle", "update", "add", "stop_grace_period"}
    assert words - others <= set(ServeSettings.model_fields)


def test_every_address_that_is_named_is_answered(shop_bundle: Path) -> None:
    from goeswith.serve.app import create_app

    served = set(create_app(shop_bundle).openapi()["paths"])
    texts = [PAGE, (DEPLOY / "compose.yaml").read_text(encoding="utf-8")]
    named = {
        path for text in texts for path in re.findall(r"(?<=[`\d])/(?:v1/[\w/]+|metrics)", text)
    }
    assert named == {"/v1/health/ready", "/metrics"}
    assert named <= served | {"/metrics"}


def test_every_file_that_is_copied_or_named_is_in_the_repository() -> None:
    copied = [
        rest.split()[:-1] for name, rest in steps() if name == "COPY" and "--from" not in rest
    ]
    assert len(copied) == 2
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists(), name
    assert (DEPLOY / SERVICE["build"]["context"] / SERVICE["build"]["dockerfile"]).is_file()
    for name in re.findall(r"\bdeploy/[\w.]+", PAGE):
        assert (ROOT / name).is_file(), name


def test_nothing_runs_as_root_or_writes_where_it_need_not() -> None:
    stages = [index for index, (name, _) in enumerate(steps()) if name == "FROM"]
    last = steps()[stages[-1] :]
    assert len(stages) == 2
    assert dict(last)["USER"] == "10001:10001"
    assert not any("pip" in rest for name, rest in last if name == "RUN")
    bundle = next(volume for volume in SERVICE["volumes"] if volume["target"] == "/bundle")
    assert bundle["read_only"] is True
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert unit()["DynamicUser"] == ["yes"]
    assert unit()["ProtectSystem"] == ["strict"]


def test_whoever_ends_a_service_waits_for_its_requests() -> None:
    for where, waits in [
        ("compose.yaml", SERVICE["stop_grace_period"].removesuffix("s")),
        ("goeswith.service", unit()["TimeoutStopSec"][0]),
    ]:
        given = environments()[where]
        ends = float(given["GOESWITH_SERVE_DRAIN"]) + float(
            given["GOESWITH_SERVE_SHUTDOWN_TIMEOUT"]
        )
        assert float(waits) > ends + 5, where


def test_what_the_image_runs_is_healthy_in_the_eyes_of_compose(
    shop_bundle: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    given = environments()["Dockerfile"] | environments()["compose.yaml"]
    given |= {"GOESWITH_SERVE_PORT": port, "GOESWITH_SERVE_FEEDBACK": str(tmp_path / "feedback")}
    given |= {"GOESWITH_SERVE_HOST": "127.0.0.1", "GOESWITH_SERVE_DRAIN": "0"}
    command, path = SERVICE["command"]
    assert path == "/bundle"
    process = subprocess.Popen(
        [sys.executable, "-m", "goeswith.cli.main", command, shop_bundle],
        env=os.environ | given,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    kind, program, *rest = SERVICE["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    check = [sys.executable, *(part.replace(":8000/", f":{port}/") for part in rest)]
    try:
        deadline = time.monotonic() + 60
        while subprocess.run(check, capture_output=True, check=False).returncode:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "goeswith.service").read_text(encoding="utf-8")
    program = unit()["ExecStart"][0].split()[0]
    assert text.count(program) == 1
    (tmp_path / "goeswith.service").write_text(text.replace(program, sys.executable))
    said = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "goeswith.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "goeswith.service" not in said.stderr
    assert said.returncode == 0, said.stderr
