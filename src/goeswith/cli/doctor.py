"""`goeswith doctor`: is everything there that goeswith needs, and does it work?"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from goeswith.cli.options import Json

_EXTRAS: Final = {
    "demo": "`goeswith demo` on a retail panel",
    "serve": "`goeswith serve`, recommendations over HTTP",
    "export": "`goeswith export` to PostgreSQL and Redis",
    "torch": "neural models",
    "language": "sentence encoders and language models",
    "spark": "mining logs that outgrow one machine",
    "fast": "pairs counted in memory, and the neighbours of many vectors, several times as fast",
}
"""Extra -> what it adds."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; `is_ok` is None for optional parts that are absent."""

    name: str
    detail: str
    is_ok: bool | None


def command(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="BUNDLE", help="A bundle to check too.")
    ] = None,
    json: Json = False,
) -> None:
    """Check Python, libraries, extras and, in a temporary folder, the complete workflow.

        goeswith doctor bundle

    Ends with exit code 2 if something that is needed is missing or broken.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table

    findings = [*_check_machine(), *_check_libraries(), *_check_extras(), _end_to_end()]
    if bundle is not None:
        findings.append(_check_bundle(bundle))
    status = {True: "ok", False: "broken", None: "-"}
    styles = {"ok": "green", "broken": "bold red", "-": ""}
    records = [
        {"status": status[one.is_ok], "name": one.name, "detail": one.detail} for one in findings
    ]
    columns = [
        Column("status", style=lambda record: styles[record["status"]]),
        Column("name"),
        Column("detail", min_width=30),
    ]
    is_ok = all(finding.is_ok is not False for finding in findings)
    Output(json).result(
        Table("", records, columns, has_heading=False), {"ok": is_ok, "findings": records}
    )
    if not is_ok:
        raise typer.Exit(2)


def _check_machine() -> Iterator[Finding]:
    needed = sys.version_info >= (3, 11)
    yield Finding("python", f"{platform.python_version()} (needs 3.11 or later)", needed)
    yield Finding("platform", platform.platform(), True)
    # a container may be given fewer cores than the machine has
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    yield Finding("cores", str(cores), is_ok=True)
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield Finding("memory", f"{memory / 2**30:.1f} GiB", True)


def _check_libraries() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    for line in requires("goeswith") or []:
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            installed = _installed_version(needed.name)
            fine = installed is not None and needed.specifier.contains(installed, prereleases=True)
            yield Finding(
                needed.name, f"{installed or 'not installed'} (needs {needed.specifier})", fine
            )


def _check_extras() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    parsed = [Requirement(line) for line in requires("goeswith") or []]
    for extra, gives in _EXTRAS.items():
        needed = [r for r in parsed if r.marker and r.marker.evaluate({"extra": extra})]
        wanting = [
            r.name
            for r in needed
            if not (installed := _installed_version(r.name))
            or not r.specifier.contains(installed, prereleases=True)
        ]
        if wanting:
            text = (
                f"not installed ({', '.join(wanting)}): pip install 'goeswith[{extra}]' for {gives}"
            )
        else:
            text = f"installed: {gives}"
        yield Finding(f"extra {extra}", text, None if wanting else True)


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _end_to_end() -> Finding:
    """From tables to a recommendation: three baskets that hold bread and butter, three without."""
    what = "from tables to a recommendation"
    try:
        from goeswith.data.folder import load_data
        from goeswith.pipeline.fit_bundle import fit_bundle
        from goeswith.query.bundle import Bundle
        from goeswith.settings.sections import FitSettings, Settings

        with TemporaryDirectory() as folder:
            data = Path(folder, "shop")
            data.mkdir()
            baskets = [("bread", "butter")] * 3 + [("soap", "towel")] * 3
            rows = [f"{at},{item}" for at, basket in enumerate(baskets) for item in basket]
            table = "\n".join(["basket_id,product_id", *rows]) + "\n"
            (data / "events.csv").write_text(table, encoding="utf-8")
            fit = FitSettings(model="copurchase", fallbacks=["popularity"], k=3)
            fit_bundle(load_data(data), Path(folder, "bundle"), Settings(fit=fit))
            answers = Bundle.open(Path(folder, "bundle"), verify=True).complements("bread", 3)
        fine = bool(answers) and (
            answers[0].product_id == "butter" and answers[0].evidence.bought_together == 3
        )
        detail = answers[0].why if answers else "no recommendation"
        return Finding(what, detail if fine else f"unexpected result: {answers}", fine)
    except Exception as error:  # the report shows any failure
        return Finding(what, f"{type(error).__name__}: {error}", is_ok=False)


def _check_bundle(path: Path) -> Finding:
    from goeswith.core.errors import BundleError
    from goeswith.query.bundle import Bundle

    try:
        opened = Bundle.open(path, verify=True)
    except BundleError as error:
        return Finding("bundle", str(error), is_ok=False)
    return Finding(
        "bundle", f"{path}: complete; {len(opened):,} products, id {opened.id}", is_ok=True
    )
