"""Checksums that are computed while a service starts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from goeswith.query.bundle import Bundle
from goeswith.store import early_checksums
from goeswith.store.early_checksums import checksum, end_threads, start_checksums
from goeswith.store.manifest import file_sha256


def test_sums_are_those_of_the_files(shop_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_checksums, "_CHUNK", 1000)
    paths = Bundle.open(shop_bundle).folder.rglob("*.safetensors")
    expected = {path: file_sha256(path) for path in paths}
    start_checksums(shop_bundle)
    assert {path: checksum(path) for path in expected} == expected
    end_threads()
    assert not [thread for thread in threading.enumerate() if "checksums" in thread.name]


def test_a_file_that_changes_after_the_start_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    pool = early_checksums.ThreadPoolExecutor(1)
    early_checksums._started[early_checksums._key(file)] = pool.submit(
        early_checksums._sha256, file
    )
    pool.shutdown()
    other = tmp_path / "other"
    other.write_bytes(b"after!")
    other.replace(file)
    assert checksum(file) == file_sha256(file)
    end_threads()


def test_an_empty_file_and_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert early_checksums._sha256(empty) == file_sha256(empty)
    start_checksums(tmp_path)
    start_checksums(tmp_path / "missing")
    assert not early_checksums._started
