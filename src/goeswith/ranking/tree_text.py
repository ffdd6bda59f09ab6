"""LightGBM's text format, checked before LightGBM reads it: it follows the children of a node
wherever they lead.

https://lightgbm.readthedocs.io; a node of a tree of L leaves has a number from 0 to L - 2, a leaf c
is written as ~c, and a child has a larger number than its parent.
"""

from __future__ import annotations

import math
import re
from typing import Final

_HEAD: Final = ("version", "num_class", "num_tree_per_iteration", "max_feature_idx", "tree_sizes")
_PER_NODE: Final = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
_PER_LEAF: Final = ("leaf_value", "leaf_weight", "leaf_count")
_SINGLE: Final = ("num_leaves", "num_cat", "is_linear", "shrinkage")
_END: Final = "end of trees"
_NUMERICAL_SPLITS: Final = frozenset({0, 2, 4, 6, 8, 10})
"""Values of `decision_type` without the bit of categorical splits."""


def check_trees(text: str, columns: int | None = None) -> None:
    """Refuse trees that LightGBM must not read.

    Args:
        text: of `Booster.model_to_string`.
        columns: of the features; None for as many as the text states.

    Raises:
        ValueError: the message says what is wrong.
    """
    head, _, rest = text.partition("\n\n")
    lines = head.split("\n")
    fields = dict(line.split("=", 1) for line in lines[1:] if "=" in line)
    missing = [name for name in _HEAD if name not in fields]
    if lines[0] != "tree" or missing:
        raise ValueError(f"the trees have no {', '.join(missing) or 'head'}")
    if fields["num_class"] != "1" or fields["num_tree_per_iteration"] != "1":
        raise ValueError("the trees are of several classes")
    last = _whole(fields["max_feature_idx"], 0, 1_000_000)
    if columns is not None and last + 1 != columns:
        raise ValueError(f"the trees are of {last + 1} columns where {columns} are due")
    if len(fields.get("feature_names", "").split(" ")) != last + 1:
        raise ValueError("the trees name more or fewer columns than they have")
    if len(fields.get("feature_infos", "").split(" ")) != last + 1:
        raise ValueError("the trees describe more or fewer columns than they have")
    sizes = [_whole(size, 1, len(rest)) for size in fields["tree_sizes"].split()]
    content, at = rest.encode(), 0
    for number, size in enumerate(sizes):
        block = content[at : at + size].decode()
        if not block.startswith(f"Tree={number}\n") or len(block.encode()) != size:
            raise ValueError(f"tree {number} is not where the head has it")
        _check_tree(block, number, last)
        at += size
    if not content[at:].decode().lstrip("\n").startswith(_END):
        raise ValueError(f"there is more after {len(sizes)} trees")


def _check_tree(block: str, number: int, last_feature: int) -> None:
    fields: dict[str, str] = {}
    for line in block.split("\n")[1:]:
        name, has_value, value = line.partition("=")
        if not line:
            continue
        if not has_value or name in fields or name not in (*_PER_NODE, *_PER_LEAF, *_SINGLE):
            raise ValueError(f"tree {number} has a line {line[:40]!r}")
        fields[name] = value
    leaves = _whole(fields.get("num_leaves", ""), 1, 1_000_000)
    if fields.get("num_cat") != "0" or fields.get("is_linear", "0") != "0":
        raise ValueError(f"tree {number} is categorical or linear")
    _number(fields.get("shrinkage", ""))
    if leaves == 1:
        _numbers(fields, "leaf_value", 1)
        return
    for name in _PER_NODE:
        _numbers(fields, name, leaves - 1)
    for name in _PER_LEAF:
        _numbers(fields, name, leaves)
    for feature in fields["split_feature"].split(" "):
        _whole(feature, 0, last_feature)
    for kind in fields["decision_type"].split(" "):
        if _whole(kind, 0, 15) not in _NUMERICAL_SPLITS:
            raise ValueError(f"tree {number} has a split of type {kind}")
    _check_children(fields, number, leaves)


def _check_children(fields: dict[str, str], number: int, leaves: int) -> None:
    seen: set[int] = set()
    for name in ("left_child", "right_child"):
        for parent, text in enumerate(fields[name].split(" ")):
            child = _whole(text, -leaves, leaves - 2)
            if child in seen or 0 <= child <= parent:
                raise ValueError(f"tree {number}: {child} is no child of node {parent}")
            seen.add(child)


def _numbers(fields: dict[str, str], name: str, length: int) -> None:
    values = fields.get(name, "").split(" ")
    if len(values) != length:
        raise ValueError(f"{name} has {len(values)} values where {length} are due")
    for value in values:
        # a split of the missing values from all others is at infinity
        _number(value, infinite=name == "threshold")


def _number(text: str, *, infinite: bool = False) -> None:
    value = float(text) if len(text) <= 40 else math.nan
    if math.isnan(value) or (math.isinf(value) and not infinite):
        raise ValueError(f"{text[:40]!r} is no number")


def _whole(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,12}", text) or not low <= int(text) <= high:
        raise ValueError(f"{text[:40]!r} is not a number from {low} to {high}")
    return int(text)
