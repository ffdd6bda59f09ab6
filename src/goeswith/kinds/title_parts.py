"""The parts of a title: which words say what a product is, and which only describe it."""

from __future__ import annotations

import re
from typing import Final

from goeswith.kinds.phrases import plain

_SEGMENT: Final = re.compile(
    r"\s[-–—]\s|,(?!\d)|[+;|()\[\]{}:•*]|--+|(?<=[a-z]{4})\.\s|(?<=[a-z]{3})/(?=[a-z]{3})"
)
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_BEFORE_MODIFIER: Final = frozenset(
    {
        "for",
        "with",
        "in",
        "from",
        "by",
        "w",
        "without",
        "featuring",
        "fits",
        "compatible",
        "at",
        "includes",
        "including",
        "using",
        "like",
    }
)
"""Words after which a title says for what, of what or with what, and no longer what."""
_BEFORE_IN: Final = frozenset({"all", "built", "plug", "drop", "roll", "walk", "stay", "leave"})
_AFTER_IN: Final = frozenset({"ear", "wall", "car", "ceiling", "line", "dash", "one", "1", "desk"})
_CONTAINERS: Final = frozenset(
    {
        "set",
        "pack",
        "packet",
        "box",
        "pair",
        "bag",
        "tin",
        "roll",
        "tube",
        "jar",
        "bunch",
        "case",
        "bundle",
        "collection",
        "assortment",
        "selection",
        "range",
        "sheet",
        "piece",
        "bottle",
        "carton",
        "tray",
        "strip",
    }
)
"""Before "of", they say how many, and the noun behind says what."""
_TRAILING: Final = frozenset(
    {
        "oz",
        "ct",
        "lb",
        "lbs",
        "pk",
        "gal",
        "fl",
        "ml",
        "l",
        "kg",
        "g",
        "gm",
        "cm",
        "mm",
        "inch",
        "in",
        "ft",
        "pc",
        "pcs",
        "ea",
        "count",
        "size",
        "small",
        "medium",
        "large",
        "xl",
        "xs",
        "xxl",
        "plus",
        "mini",
        "assorted",
        "asst",
        "red",
        "blue",
        "green",
        "pink",
        "white",
        "black",
        "ivory",
        "cream",
        "silver",
        "gold",
        "grey",
        "gray",
        "purple",
        "orange",
        "yellow",
        "brown",
        "beige",
        "clear",
        "new",
        "set",
        "pack",
        "design",
        "colour",
        "color",
        "vintage",
        "retro",
        "regular",
        "original",
    }
)
"""Words behind the head noun that do not change what a product is."""


def title_segments(title: str) -> list[list[str]]:
    """The words of each part of a title: what punctuation separates. Some may be empty."""
    return [_TOKEN.findall(part) for part in _SEGMENT.split(plain(title[:400]))]


def main_part(segment: list[str]) -> tuple[int, int]:
    """From and to where a segment says what the product is."""
    start = 0
    for i, word in enumerate(segment):
        if word == "of" and i and any(one in _CONTAINERS for one in segment[max(i - 2, 0) : i]):
            counts = not any(one.isalpha() for one in segment[i + 1 :])
            if i > 3 or (counts and i > 1):  # "cotton tea towels set of 3", "pencils pack of 24"
                return start, i - 1
            start = i + 1
        elif word in _BEFORE_MODIFIER and not _is_part_of_word(segment, i):
            return (start, i) if i > start else (len(segment), len(segment))
    return start, len(segment)


def _is_part_of_word(segment: list[str], i: int) -> bool:
    """Whether "in" belongs to a word: in-ear, 2-in-1, all-in-one, built-in."""
    if segment[i] != "in":
        return False
    before = segment[i - 1] if i else ""
    after = segment[i + 1] if i + 1 < len(segment) else ""
    return before.isdigit() or before in _BEFORE_IN or after in _AFTER_IN


def is_counted(segment: list[str]) -> bool:
    """Whether a segment begins with how many there are: "6 ...", "set of 6 ...", "pack of ..."."""
    return bool(segment) and (
        segment[0].isdigit()
        or (len(segment) > 2 and segment[1] == "of" and segment[0] in _CONTAINERS)
    )


def end_of_head(segment: list[str], start: int, end: int) -> int:
    """Where the head noun of a main part ends: before its sizes, colours and numbers."""
    while end > start + 1 and (segment[end - 1] in _TRAILING or segment[end - 1][:1].isdigit()):
        end -= 1
    return end
