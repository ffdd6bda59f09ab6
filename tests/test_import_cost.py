from __future__ import annotations

import subprocess
import sys


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in memory after a statement ran in a fresh interpreter."""
    out = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.split(".")[0] for name in out.stdout.split()}


def test_importing_goeswith_loads_no_heavy_library() -> None:
    heavy = {"torch", "polars", "scipy", "numpy", "duckdb", "ibis", "sklearn", "fastapi", "typer"}
    assert not heavy & loaded_by("import goeswith")


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = {"torch", "polars", "scipy", "duckdb", "ibis", "sklearn", "fastapi", "matplotlib"}
    assert not heavy & loaded_by("import goeswith.cli.main")


def test_fitting_loads_no_statistics_before_a_ranker_is_trained() -> None:
    out = subprocess.run(
        [sys.executable, "-c", "import goeswith.pipeline.fit_bundle, sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert not {"scipy.stats", "sklearn", "pandas", "lightgbm"} & set(out.stdout.split())


def test_mining_loads_no_pandas() -> None:
    events = (
        "pl.DataFrame({'product': [0, 1], 'basket_id': ['a', 'a']}).cast({'product': pl.Int32})"
    )
    mine = f"import polars as pl; from goeswith.relations.mine import mine; mine({events}, 2)"
    assert "pandas" not in loaded_by(mine)


def test_a_command_is_imported_when_it_runs() -> None:
    run = "import sys; from goeswith.cli.main import main; sys.argv = ['goeswith', 'key', 'a']"
    out = subprocess.run(
        [sys.executable, "-c", f"{run}\ntry:\n    main()\nfinally:\n    print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    commands = {name for name in out.stdout.split() if name.startswith("goeswith.cli.")}
    assert "goeswith.cli.use.key" in commands
    assert not {"goeswith.cli.use.recommend", "goeswith.cli.build.fit"} & commands


def test_only_the_parts_that_are_named_after_torch_import_it() -> None:
    walk = (
        "import goeswith, pkgutil, importlib; "
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(goeswith.__path__, "
        "'goeswith.') if 'torch' not in m.name]"
    )
    assert "torch" not in loaded_by(walk)
