from __future__ import annotations

import errno
import json

from hypothesis import given
from hypothesis import strategies as st

from goeswith.core.printable import is_formula, json_printable, printable
from goeswith.core.system_faults import system_fault


@given(st.text())
def test_what_a_terminal_obeys_is_made_visible(text: str) -> None:
    shown = printable(text)
    assert not any(
        (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) <= 0x9F or c in "\u202e\u2066\u200f"
        for c in shown
    )
    assert printable(shown) == shown


@given(st.text())
def test_a_document_means_the_same(text: str) -> None:
    assert json.loads(json_printable(json.dumps([text], ensure_ascii=False))) == [text]


def test_formulas_are_distinguished_from_numbers_and_ids() -> None:
    for text in ("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\r=1"):
        assert is_formula(text)
    for text in ("", "-5", "+49.30", "-case-1", "a=b", "Phone 1"):
        assert not is_formula(text)


def test_faults_of_the_machine_have_a_remedy() -> None:
    full = system_fault(OSError(errno.ENOSPC, "No space left on device", "out/x"))
    assert full is not None
    assert full.startswith("out/x: No space left on device; free space")
    assert "can be written" in str(system_fault(OSError(errno.EROFS, "Read-only file system", "x")))
    assert "free space" in str(system_fault(RuntimeError("I/O error: full (os error 28)")))
    assert system_fault(MemoryError()) is not None
    assert system_fault(OSError(errno.ENOENT, "No such file", "x")) is None
    assert system_fault(RuntimeError("odd")) is None
