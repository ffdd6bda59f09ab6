"""Odd and hostile files beside the tables: settings, rules, changes, labels, folders of bundles."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass
class FileInput:
    """A file and what reads it; `expected` is a part of the refusal, or None if it is read."""

    name: str
    reader: str
    content: bytes
    expected: str | None
    suffix: str = ""


def settings() -> Iterator[FileInput]:
    deep = "a = " + "[" * 10_000
    for name, text, expected in (
        ("empty", "", None), ("a comment", "# nothing", None), ("no TOML", "[fit", "TOML"),
        ("not UTF-8", b"[fit]\nmodel = \"\xff\"", "TOML"), ("zero bytes", b"\0" * 100, "TOML"),
        ("deep", deep, "TOML"), ("an unknown section", "[fitt]\nk = 5", "fit"),
        ("an unknown key", "[fit]\nkk = 5", "k"), ("a k of text", '[fit]\nk = "many"', "fit.k"),
        ("a k of 0", "[fit]\nk = 0", "fit.k"), ("a huge k", "[fit]\nk = 1" + "0" * 30, "fit.k"),
        ("an unknown model", '[fit]\nmodel = "easee"', "ease"),
        ("foreign code", '[fit]\nmodel = "os:system"', "model"),
        ("no decay", "[relations]\nhalf_life_days = inf", "half_life_days"),
        ("NaN", "[relations]\nhalf_life_days = nan", "half_life_days"),
        ("a negative support", "[relations]\nmin_support = -1", "min_support"),
        ("a zone", '[data]\nzone = "Mars/Olympus"', "zone"),
        ("an encoding", '[data]\nencoding = "utf-9"', "encoding"),
        ("a column of two", '[data.columns]\nproduct_id = ["a", "b"]', "columns"),
        ("an unknown column", '[data.columns]\nproduct = "a"', "product_id"),
        ("an event of none", '[data.events]\nfoo = "watch"', "view"),
        ("a parent without a group", '[data.parent]\npattern = "^a"', "group"),
        ("a parent of brackets", '[data.parent]\npattern = "((("', "regular expression"),
        ("a share of 2", "[data]\nmax_bad_share = 2", "max_bad_share"),
        ("a section that is none", "fit = 5", "fit"),
        ("a rate of infinity", "[serve]\nrate = inf", "rate"),
        ("a port", "[serve]\nport = 99999", "port"),
        ("an origin", '[serve]\norigins = ["*.example"]', "origin"),
        ("keys of no file", '[serve]\nkeys_file = 5', "keys_file"),
        ("a repeated key", "[fit]\nk = 1\nk = 2", "TOML"),
    ):  # fmt: skip
        content = text if isinstance(text, bytes) else text.encode()
        yield FileInput(name, "settings", content, expected, ".toml")


def rules() -> Iterator[FileInput]:
    ban: dict[str, Any] = {"id": "r1", "action": "ban", "target": {"products": ["P2"]}}
    for name, content, expected in (
        ("one", {"version": 1, "rules": [ban]}, None), ("none", {"version": 1, "rules": []}, None),
        ("no version", {"rules": []}, "version"), ("a version of 99", {"version": 99, "rules": []},
         "version"), ("a list", [], "rules"), ("no JSON", b"{", "JSON"), ("deep", b"[" * 200_000,
         "JSON"), ("zero bytes", b"\0\0", "JSON"), ("not UTF-8", b'{"a": "\xff"}', "read"),
        ("two of one id", {"version": 1, "rules": [ban, ban]}, "of this id"),
        ("an infinite ratio", b'{"version": 1, "rules": [{"id": "r", "action": "ban", '
         b'"max_price_ratio": Infinity}]}', "max_price_ratio"),
        ("a NaN ratio", b'{"version": 1, "rules": [{"id": "r", "action": "ban", '
         b'"max_price_ratio": NaN}]}', "max_price_ratio"),
        ("a ban of all", {"version": 1, "rules": [{"id": "r", "action": "ban"}]}, "condition"),
        ("half a pair", b'{"version": 1, "rules": [{"id": "r", "action": "ban", "target": '
         b'{"products": ["\\ud800"]}}]}', "rule"),
        ("a number", b"1" * 5000, "JSON"),
    ):  # fmt: skip
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        yield FileInput(name, "rules", data, expected, ".json")


def changes() -> Iterator[FileInput]:
    for name, text, expected in (
        ("a price", "product_id,price\nP1,5\n", None),
        ("a price of text", "product_id,price\nP1,free\n", "price"),
        ("a price of NaN", "product_id,price\nP1,nan\n", "price"),
        ("a negative price", "product_id,price\nP1,-5\n", "negative"),
        ("an unknown product", "product_id,price\nzz,5\n", "no such product"),
        ("no id", "id,price\nP1,5\n", "product_id"), ("empty", "", "empty"),
        ("header only", "product_id,price\n", "no rows"),
        ("a title", "product_id,title\nP1,x\n", "title"),
        ("stock of words", "product_id,in_stock\nP1,perhaps\n", "in_stock"),
        ("out of stock", "product_id,in_stock\nP1,out of stock\n", None),
        ("zero bytes", "product_id,price\nP1\0,5\n", "zero"),
        ("semicolons", "product_id;price\nP1;5\n", "delimiter"),
    ):  # fmt: skip
        yield FileInput(name, "changes", text.encode(), expected, ".csv")


def labels() -> Iterator[FileInput]:
    head = "source,target,label\n"
    for name, text, expected in (
        ("one", head + "P0,P1,complement\n", None), ("a letter", head + "P0,P1,c\n", None),
        ("another word", head + "P0,P1,good\n", "good"), ("no source", head + ",P1,c\n", "source"),
        ("two of a pair", head + "P0,P1,c\nP0,P1,i\n", "row 2"), ("empty", "", "empty"),
        ("no column", "source,target\nP0,P1\n", "label"), ("header only", head, "no rows"),
        ("ragged", head + "P0\n", "fields"), ("zero bytes", head + "P0\0,P1,c\n", "zero"),
        ("semicolons", head.replace(",", ";") + "P0;P1;c\n", None),
        ("a guarded formula", head + "'=1+1,P1,c\n", None),
    ):  # fmt: skip
        yield FileInput(name, "labels", text.encode(), expected, ".csv")


def all_files() -> list[FileInput]:
    """Every file."""
    parts = (settings, rules, changes, labels)
    return [entry for part in parts for entry in part()]


def read_file(entry: FileInput, folder: Path, bundle: Path) -> None:
    """Read a file as the command that takes it does.

    Raises:
        GoesWithError: the file is refused.
    """
    from typer.testing import CliRunner

    from goeswith.cli.main import app

    path = folder / f"input{entry.suffix}"
    path.write_bytes(entry.content)
    copy = folder / "bundle"
    shutil.rmtree(copy, ignore_errors=True)
    if entry.reader != "settings":
        shutil.copytree(bundle, copy)
    arguments = {
        "settings": ["config", "--check", str(path)],
        "rules": ["rules", "set", str(copy), str(path)],
        "changes": ["facts", str(copy), str(path)],
        "labels": ["label", "read", str(path)],
    }[entry.reader]
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, SystemExit):
        raise AssertionError(f"wrong arguments: {result.output}")  # noqa: TRY004
    if result.exception is not None:
        raise result.exception


Change = Callable[[Path, Path], None]


def _manifest(**values: Any) -> Change:
    def change(bundle: Path, _: Path) -> None:
        manifest = json.loads((bundle / "manifest.json").read_text())
        (bundle / "manifest.json").write_text(json.dumps(manifest | values))

    return change


def _first(build: Path) -> Path:
    return next(path for path in sorted(build.rglob("*")) if path.is_file())


def _pipe(_: Path, build: Path) -> None:
    path = _first(build)
    path.unlink()
    os.mkfifo(path)


def _link(_: Path, build: Path) -> None:
    path = _first(build)
    path.unlink()
    path.symlink_to("/etc/hostname")


def _empty_folder(bundle: Path, _: Path) -> None:
    shutil.rmtree(bundle)
    bundle.mkdir()


def _a_file(bundle: Path, _: Path) -> None:
    shutil.rmtree(bundle)
    bundle.write_text("x")


def _folder_as_rules(bundle: Path, _: Path) -> None:
    (bundle / "live" / "rules.json").mkdir(parents=True)


BUNDLES: Final[dict[str, tuple[Change, str]]] = {
    "no manifest": (lambda bundle, _: (bundle / "manifest.json").unlink(), "manifest"),
    "an empty manifest": (lambda b, _: (b / "manifest.json").write_bytes(b""), "manifest"),
    "a manifest of zero bytes": (
        lambda b, _: (b / "manifest.json").write_bytes(b"\0" * 100), "manifest"
    ),
    "a deep manifest": (lambda b, _: (b / "manifest.json").write_bytes(b"[" * 200_000), "manifest"),
    "a later format": (_manifest(format=99), "format"),
    "a build of another folder": (_manifest(build="../../etc"), "edited"),
    "a build that is absent": (_manifest(build="20200101t000000z-00000000"), ""),
    "no build": (lambda _, build: shutil.rmtree(build), ""),
    "an empty folder": (_empty_folder, "manifest"),
    "a file in place of the folder": (_a_file, ""),
    "a pipe": (_pipe, ""),
    "a link": (_link, ""),
    "an unlisted file": (lambda _, build: (build / "x.json").write_text("{}") and None, "x.json"),
    "a byte more": (lambda _, build: _first(build).open("ab").write(b"x") and None, ""),
    "rules that are none": (_folder_as_rules, ""),
}  # fmt: skip
"""Name -> a change of a bundle, and a part of the refusal."""


def open_bundle(name: str, folder: Path, bundle: Path) -> None:
    """Change a copy of a bundle, open it and query it.

    Raises:
        GoesWithError: the bundle is refused.
    """
    from goeswith.query.bundle import Bundle

    copy = folder / "bundle"
    if copy.is_file():
        copy.unlink()
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)
    build = copy / json.loads((copy / "manifest.json").read_text())["build"]
    BUNDLES[name][0](copy, build)
    Bundle.open(copy, verify=True).complements("P0", 3)


def small_bundle(folder: Path) -> Path:
    """A bundle of six products, with prices and stock."""
    import goeswith
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    shop = folder / "small"
    shop.mkdir()
    rows = [f"P{(i + j) % 6},U{i},O{i}" for i in range(120) for j in range(2 + i % 2)]
    (shop / "events.csv").write_text("product_id,user_id,basket_id\n" + "\n".join(rows) + "\n")
    products = [f"P{i},Thing {i},B,t{i % 3},{i}.50,true,5" for i in range(6)]
    (shop / "products.csv").write_text(
        "product_id,title,brand,type,price,in_stock,stock\n" + "\n".join(products) + "\n"
    )
    out = folder / "small-bundle"
    fit_bundle(goeswith.load_data(shop), out, Settings(fit=FitSettings(model="cocitation", k=8)))
    return out
