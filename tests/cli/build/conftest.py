"""The command line, called inside the process of the tests."""

import sys

import pytest

from goeswith.cli.main import main


@pytest.fixture
def run_command(monkeypatch, capsys, tmp_path):
    """A function: arguments of `goeswith` -> exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["goeswith", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, *capsys.readouterr()

    return call
