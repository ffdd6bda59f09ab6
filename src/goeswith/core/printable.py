"""Text of strangers for terminals and spreadsheets: what would act on them is made visible."""

from __future__ import annotations

import re
from typing import Final

_UNPRINTABLE: Final = re.compile(
    # control characters, marks that change the direction of text, line separators
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_FORMULA: Final = re.compile(r"[=@\t\r]|[+-](?![\w.-]*\Z)")


def printable(text: str) -> str:
    r"""A text without characters that a terminal obeys; each is shown as its escape, as \x1b.

    Tabs and ends of lines stay.
    """
    return _UNPRINTABLE.sub(_escape, text)


def json_printable(document: str) -> str:
    """A JSON document with such characters, which it holds in strings only, as JSON escapes."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute a text; a number with a sign and an id are none."""
    return _FORMULA.match(text) is not None


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
