"""The log of live facts: what is acknowledged is read by everyone, whatever happens between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goeswith.facts.fact_fold import FactFold, compact_log
from goeswith.facts.fact_log import LogFollower, append, decode_line, encode_line


def read_all(path: Path) -> list[dict]:
    return [record for record in LogFollower(path).read() if record is not None]


def test_records_are_read_once_in_order(tmp_path: Path) -> None:
    path = tmp_path / "live" / "facts.log"
    follower = LogFollower(path)
    assert not follower.has_changed()
    assert list(follower.read()) == []
    append(path, [{"id": "a"}, {"id": "b"}])
    assert follower.has_changed()
    assert [r["id"] for r in follower.read() if "id" in r] == ["a", "b"]
    assert not follower.has_changed()
    append(path, [{"id": "c"}])
    assert [r["id"] for r in follower.read()] == ["c"]


def test_a_line_that_a_killed_writer_left_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "facts.log"
    append(path, [{"id": "a"}])
    follower = LogFollower(path)
    list(follower.read())
    with path.open("ab") as file:
        file.write(encode_line({"id": "lost"})[:-5])
    assert list(follower.read()) == []
    append(path, [{"id": "b"}])
    assert [r["id"] for r in follower.read()] == ["b"]
    assert follower.unreadable == 1
    assert [r["id"] for r in read_all(path)] == ["a", "b"]


@given(st.binary(max_size=60))
def test_no_bytes_are_a_record_but_those_that_were_written(line: bytes) -> None:
    record = decode_line(line)
    assert record is None or encode_line(record)[:8] == line[:8].lower()


CHANGES = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["price", "stock"]),
            st.one_of(st.none(), st.integers(0, 9)),
            st.sampled_from(["one", "two"]),
        ),
        st.sampled_from(["compact", "read", "settled"]),
    ),
    max_size=30,
)


def values_of(records: list[dict]) -> dict[tuple[str, str], int]:
    held: dict[tuple[str, str], int] = {}
    for record in records:
        for name, value in record.get("set", {}).items():
            held.pop((record["id"], name), None)
            if value is not None:
                held[record["id"], name] = value
    return held


@given(CHANGES)
def test_compaction_changes_nothing_for_new_readers_and_for_those_who_follow(changes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.log"
        follower, followed, written = LogFollower(path), [], []
        for change in changes:
            if change == "read":
                followed = [*followed, *follower.read()]
            elif change == "compact":
                if path.exists():
                    assert compact_log(path)
            else:
                record = (
                    {"settled": "one"}
                    if change == "settled"
                    else {"id": change[0], "set": {change[1]: change[2]}, "build": change[3]}
                )
                append(path, [record])
                written.append(record)
        followed = [*followed, *follower.read()]
        while None in followed:
            followed = followed[followed.index(None) + 1 :]
        assert values_of(followed) == values_of(written) == values_of(read_all(path))


def test_a_fold_keeps_what_holds_and_which_build_it_is_of() -> None:
    fold = FactFold().add(
        [
            {"id": "a", "build": "1", "row": 0, "set": {"price": 1.0}, "was": {"price": 2.0}},
            {"id": "a", "build": "2", "row": 0, "set": {"price": 3.0, "stock": 0.0}, "was": {}},
            {"id": "b", "build": "1", "row": 1, "deleted": True},
            {"id": "b", "build": "2", "row": 1, "deleted": False},
        ]
    )
    (entry,) = fold.entries()
    assert (entry["id"], entry["build"]) == ("a", "2")
    assert entry["set"] == {"price": 3.0, "stock": 0.0}


WRITER = """
import sys
from pathlib import Path
from goeswith.facts.fact_log import append
n = int(sys.argv[2])
while True:
    append(Path(sys.argv[1]), [{"id": str(n), "set": {"stock": n}, "text": "x" * 3000}])
    print(n, flush=True)
    n += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_nothing_that_was_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    path = tmp_path / "facts.log"
    acknowledged: set[str] = set()
    for turn in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(turn * 1_000_000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged.add(process.stdout.readline().strip())
        time.sleep(0.02 * turn)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged |= set(process.stdout.read().split())
        process.wait()
        process.stdout.close()
    assert acknowledged <= {record["id"] for record in read_all(path) if "id" in record}
