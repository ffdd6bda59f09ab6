from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from goeswith.core.errors import BundleError
from goeswith.core.mapped_arrays import map_arrays
from goeswith.store.string_array import SortedIds, StringArray, pack_strings, sorted_order

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=30)


def test_arrays_that_safetensors_wrote_are_mapped_as_they_are(tmp_path: Path) -> None:
    arrays = {
        "bytes": np.arange(5, dtype=np.uint8),
        "small": np.arange(-3, 3, dtype=np.int8),
        "rows": np.arange(6, dtype=np.int32).reshape(2, 3),
        "offsets": np.array([0, 2**40], dtype=np.int64),
        "scores": np.array([[0.5, -np.inf]], dtype=np.float32),
        "counts": np.array([1e300]),
        "empty": np.zeros((0, 4), dtype=np.int32),
    }
    save_file(arrays, tmp_path / "arrays")
    mapped = map_arrays(tmp_path / "arrays")
    assert mapped.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(mapped[name], array)
        assert mapped[name].dtype == array.dtype
        assert not mapped[name].flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        b"\x02\0\0\0\0\0\0\0[]",
        b"\x00\0\0\0\0\0\0\x7f{}",
        b'\x3b\0\0\0\0\0\0\0{"a":{"dtype":"I8","shape":[9],"data_offsets":[0,9]}}       12',
        b'\x3b\0\0\0\0\0\0\0{"a":{"dtype":"F8","shape":[2],"data_offsets":[0,2]}}       12',
        b'\x3b\0\0\0\0\0\0\0{"a":{"dtype":"I8","shape":[1],"data_offsets":[2,1]}}       12',
    ],
)
def test_what_is_no_whole_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "arrays").write_bytes(content)
    with pytest.raises(BundleError, match="not a complete safetensors file"):
        map_arrays(tmp_path / "arrays")


@settings(max_examples=50)
@given(NAMES)
def test_packed_strings_read_back(values: list[str]) -> None:
    column = StringArray.from_arrays(pack_strings("x", values), "x")
    assert [column[row] for row in range(len(column))] == values


@settings(max_examples=50)
@given(NAMES, st.text(max_size=6))
def test_ids_are_found_where_they_are_and_nowhere_else(values: list[str], other: str) -> None:
    values = list(dict.fromkeys(values))
    ids = SortedIds(StringArray.from_arrays(pack_strings("x", values), "x"), sorted_order(values))
    assert [ids.row(value) for value in values] == list(range(len(values)))
    assert ids.row(other) == (values.index(other) if other in values else None)
