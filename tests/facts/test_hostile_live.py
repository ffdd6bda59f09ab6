"""Live facts and rules of a stranger's bundle: used, skipped and counted, or refused."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goeswith.core.errors import BundleError, ConfigError, GoesWithError
from goeswith.facts import fact_log
from goeswith.facts.fact_log import append, decode_line, encode_line
from goeswith.facts.fact_writer import FactChange, FactWriter
from goeswith.query.bundle import Bundle
from goeswith.rules.rule import Rule
from goeswith.rules.rule_store import RuleStore
from goeswith.serve.process.trial_load import TrialLoad
from goeswith.serve.process.trial_queries import try_queries
from goeswith.store import build_files
from goeswith.store.manifest import read_manifest


@pytest.fixture
def path(shop_bundle: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))
    bundle = Bundle.open(path)
    FactWriter(bundle, bundle.live).write([FactChange("case-1", {"price": 3.0, "stock": 0})])
    rule = Rule.model_validate({"id": "a", "action": "ban", "target": {"products": ["case-2"]}})
    RuleStore(path).put([rule])
    return path


def test_live_facts_and_rules_of_a_bundle_are_accepted_and_tried_in_the_child(path: Path) -> None:
    bundle = Bundle.open(path, verify=True)
    shown = [one.product_id for one in bundle.complements("phone-1", 8)]
    assert "case-1" not in shown
    assert "case-2" not in shown
    assert try_queries(bundle) > 20
    (path / "live" / "rules.json~").write_text("of an editor")
    assert TrialLoad(path, live=True)(read_manifest(path)) is None


LIVE_NAMES = ("facts.log", "facts.counter", "rules.json", "rules.history.jsonl", ".lock", "else")


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("name", LIVE_NAMES)
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_odd_entries_are_refused_before_they_are_opened(
    path: Path, name: str, kind: str, verify: bool
) -> None:
    file, elsewhere = path / "live" / name, path.parent / "elsewhere"
    elsewhere.write_text("not to be touched")
    file.unlink(missing_ok=True)
    make: dict[str, Callable[[], Any]] = {
        "pipe": lambda: os.mkfifo(file),
        "link": lambda: file.symlink_to(elsewhere),
        "folder": file.mkdir,
    }
    make[kind]()
    with pytest.raises(BundleError, match=f"{name} is a {kind}, not a file"):
        Bundle.open(path, verify=verify)
    assert elsewhere.read_text() == "not to be touched"


def test_a_linked_folder_and_a_linked_lock_of_writers_are_refused(path: Path) -> None:
    from goeswith.store.publish import new_build

    elsewhere = path.parent / "elsewhere"
    elsewhere.write_text("not to be touched")
    (path / ".lock").unlink(missing_ok=True)
    (path / ".lock").symlink_to(elsewhere)
    with pytest.raises(BundleError, match=r"\.lock is a link"), new_build(path):
        pass
    assert elsewhere.read_text() == "not to be touched"
    (path / "live").rename(path / "moved")
    (path / "live").symlink_to(path / "moved")
    with pytest.raises(BundleError, match="live is a link, not a folder"):
        Bundle.open(path)


@pytest.mark.parametrize("name", ["facts.log", "rules.json", "facts.counter"])
def test_files_that_are_too_large_are_refused(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(build_files.MAX_LIVE_BYTES, name, 7)
    with pytest.raises(BundleError, match=f"{name} has .* bytes, more than 7"):
        Bundle.open(path)


def test_a_writer_makes_no_log_that_would_be_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = path / "live" / "facts.log"
    monkeypatch.setitem(build_files.MAX_LIVE_BYTES, "facts.log", log.stat().st_size + 20)
    bundle = Bundle.open(path)
    with pytest.raises(OSError, match=r"facts\.log is full; fit the bundle"):
        FactWriter(bundle, bundle.live).write([FactChange("case-2", {"price": 9})])
    Bundle.open(path)


@pytest.mark.parametrize("record", [b"[" * 200_000, b'{"a":' * 100_000, b"1", b"null", b'"x"'])
def test_lines_that_are_no_records_are_none(record: bytes) -> None:
    import zlib

    assert decode_line(b"%08x %b" % (zlib.crc32(record), record)) is None


def test_a_line_without_an_end_is_read_in_bounded_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fact_log, "_MAX_LINE", 600_000)
    log = path / "live" / "facts.log"
    with log.open("ab") as file:
        file.write(b"x" * 3_000_000)
    append(
        log, [{"id": "case-3", "build": "", "row": 0, "set": {"price": 4.0}, "was": {"price": 8.0}}]
    )
    bundle = Bundle.open(path)
    bundle.refresh()
    assert bundle.live.state()["unreadable_lines"] >= 1
    assert bundle.product("case-3")["price"] == 4.0


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["true", "0", "2024-01-31", "1e999", "\ud800", "x" * 20_000]),
    st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none()), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
NAMES = st.one_of(
    st.sampled_from(
        ["price", "stock", "in_stock", "visible", "markets", "brand", "title", "deleted", "*"]
    ),
    st.text(max_size=4),
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=3)
BUILDS = st.sampled_from(["OWN", "OWN", "other", "", None, 3])
CHANGES = st.fixed_dictionaries(
    {"id": st.one_of(st.sampled_from(["case-1", "phone-1", "gone"]), VALUES)},
    optional={
        "build": BUILDS,
        "row": st.one_of(st.integers(0, 40), VALUES),
        "set": st.one_of(FIELDS, FIELDS, VALUES),
        "was": st.one_of(FIELDS, VALUES),
        "deleted": st.one_of(st.booleans(), VALUES),
    },
)
NUMBERS = st.one_of(st.integers(-2, 3), st.integers(), VALUES)
OTHERS = st.one_of(
    st.fixed_dictionaries({"settled": st.one_of(BUILDS, VALUES)}),
    st.fixed_dictionaries({"rules": VALUES}),
    st.dictionaries(st.sampled_from(["generation", "previous", "covers", "base"]), NUMBERS),
    VALUES,
)
LOGS = st.lists(st.one_of(CHANGES, CHANGES, OTHERS), max_size=8)


@contextmanager
def deleted_products() -> Iterator[None]:
    """Accept the error of a product that the log deletes."""
    try:
        yield
    except GoesWithError as error:
        assert "case-1" in str(error) or "phone-1" in str(error) or "deleted" in str(error)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=LOGS, later=LOGS)
def test_any_log_is_answered_from(path: Path, first: list[Any], later: list[Any]) -> None:
    log = path / "live" / "facts.log"
    build = read_manifest(path).content["id"]

    def line(record: Any) -> bytes:
        if isinstance(record, dict) and "OWN" in (record.get("build"), record.get("settled")):
            name = "build" if record.get("build") == "OWN" else "settled"
            record = {**record, name: build}
        import zlib

        body = json.dumps(record).encode()  # also lone surrogates, as escapes, and NaN
        return b"%08x %b\n" % (zlib.crc32(body), body)

    log.write_bytes(b"".join(map(line, first)))
    bundle = Bundle.open(path)
    with deleted_products():
        try_queries(bundle, live=False)
    with log.open("ab") as file:
        file.write(b"".join(map(line, later)))
    bundle.live.refresh(thorough=True)
    with deleted_products():
        try_queries(bundle, live=False)
        bundle.live.state()
        FactWriter(bundle, bundle.live).write([FactChange("case-1", {"price": 2.5})])
        assert bundle.product("case-1")["price"] == 2.5


@pytest.mark.parametrize(
    "rules",
    [
        [{"id": []}],
        [{"id": {}}, {"id": 5}, {}],
        ["x", None, 3, [[]]],
        [{"id": "a", "action": "ban", "target": {"where": ["^.*$=1", "*=1", "price<x"]}}],
        [{"id": "a", "action": "ban", "source": {"products": [["x"]]}}],
        [{"id": "b" * 10_000, "action": "ban"}],
    ],
)
def test_rules_of_any_content_are_left_out_and_reported(path: Path, rules: list[Any]) -> None:
    bundle = Bundle.open(path)
    bundle.refresh()
    (path / "live" / "rules.json").write_text(json.dumps({"version": 1, "rules": rules}))
    append(path / "live" / "facts.log", [{"rules": "now"}])
    assert len(bundle.complements("phone-1", 5)) == 5
    assert bundle.rules.problems


@pytest.mark.parametrize("name", ["rules.json", "rules.recorded.json"])
@pytest.mark.parametrize("rules", [[{"id": []}], ["x", None, 3, [[]]]])
def test_a_change_of_rules_of_any_content_is_refused(path: Path, name: str, rules: Any) -> None:
    (path / "live" / name).write_text(json.dumps({"version": 1, "rules": rules}))
    new = Rule.model_validate({"id": "c", "action": "ban", "target": {"products": ["case-3"]}})
    with pytest.raises(ConfigError, match=re.escape(name)):
        RuleStore(path).put([new])


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 200_000,
        b"{}",
        b"7",
        b'{"revision":1,"at":"","who":null,"action":"","before":[],"after":{}}',
        b'{"revision":1,"at":"","who":null,"action":"","before":{},"after":{},"undoes":[]}',
        b'{"revision":1,"at":{},"who":null,"action":"","before":{},"after":{}}',
    ],
)
def test_a_history_of_any_content_is_refused_with_its_line(path: Path, line: bytes) -> None:
    with (path / "live" / "rules.history.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ConfigError, match=r"rules\.history\.jsonl, line 2 cannot be read"):
        RuleStore(path).undo()


def test_a_deletion_ends_when_the_product_leaves_the_catalogue(path: Path) -> None:
    append(
        path / "live" / "facts.log",
        [{"id": "left", "build": read_manifest(path).content["id"], "deleted": False}],
    )
    bundle = Bundle.open(path)
    bundle.refresh()
    assert bundle.live.state()["unreadable_lines"] == 0
    assert decode_line(encode_line({"settled": "x"})[:-1]) == {"settled": "x"}
