from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.errors import BundleError, ConfigError
from goeswith.rules.label_store import Label, LabelStore, judged_table
from goeswith.store import build_files


def test_the_last_label_of_a_person_counts_and_none_withdraws_it(tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    assert store.read().labels == []
    store.add([Label("a", "b", "weak", "ana"), Label("a", "b", "substitute", "bo")])
    store.add([Label("a", "b", "complement", "ana"), Label("a", "c", "irrelevant", "ana")])
    store.add([Label("a", "c", "none", "ana")])
    labels = LabelStore(tmp_path).read().labels
    assert {(one.target, one.label, one.who) for one in labels} == {
        ("b", "complement", "ana"),
        ("b", "substitute", "bo"),
    }
    assert all(one.at for one in labels)


def test_labels_become_the_shares_that_the_protocol_judged_reads() -> None:
    table = judged_table(
        [
            Label("a", "b", "complement", "ana"),
            Label("a", "b", "substitute", "bo"),
            Label("a", "c", "weak", "ana"),
        ]
    )
    assert table.rows() == [("a", "b", 0.5, 0.5, 2), ("a", "c", 0.0, 0.0, 1)]
    assert judged_table([]).columns == ["source", "target", "complement", "substitute", "judges"]


def test_the_unfinished_line_of_a_killed_writer_is_skipped(tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    store.add([Label("a", "b", "weak")])
    with store.path.open("ab") as file:
        file.write(b'{"source": "a", "target": "c", "la')
    store.add([Label("a", "d", "weak")])
    stored = store.read()
    assert [one.target for one in stored.labels] == ["b", "d"]
    assert stored.unreadable == 1


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda t: json.dumps([t]).encode()))
def test_any_content_is_read_without_a_failure(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    store = LabelStore(tmp_path_factory.getbasetemp() / "any")
    store.path.parent.mkdir(parents=True, exist_ok=True)
    store.path.write_bytes(content)
    assert store.read().labels == []


def test_a_label_of_another_form_is_no_label(tmp_path: Path) -> None:
    good = vars(Label("a", "b", "weak", None, "now"))
    store = LabelStore(tmp_path)
    store.path.parent.mkdir()
    faults = [{"label": "great"}, {"source": 3}, {"target": ""}, {"who": ["x"]}, {"at": "\ud800"}]
    lines = [json.dumps(good | fault) for fault in [{}, *faults, {"more": 1}]]
    store.path.write_text("\n".join(lines))
    assert len(store.read().labels) == 1
    assert store.read().unreadable == len(faults) + 1


def test_the_file_is_bounded_and_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LabelStore(tmp_path)
    store.add([Label("a", "b", "weak")])
    monkeypatch.setitem(build_files.MAX_LIVE_BYTES, "labels.jsonl", store.path.stat().st_size)
    with pytest.raises(ConfigError, match="full"):
        store.add([Label("a", "c", "weak")])
    assert len(store.read().labels) == 1
    store.path.rename(tmp_path / "else")
    store.path.symlink_to(tmp_path / "else")
    with pytest.raises(BundleError, match="a link"):
        store.read()
