"""Labels of recommendations by people who know the products.

BUNDLE/live/labels.jsonl   one line a label: source, target, label, who, at

A label is acknowledged after fsync. The unfinished line of a killed writer was never acknowledged:
it is skipped and counted. Of one person's labels of a pair the last one counts; the label `none`
withdraws it. The labels stay when a new build is published.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from goeswith.core.atomic_files import sync_path
from goeswith.core.errors import ConfigError
from goeswith.facts.fact_log import locked, write_all
from goeswith.store.build_files import MAX_LIVE_BYTES, check_regular
from goeswith.store.manifest import LIVE_FOLDER

if TYPE_CHECKING:
    import polars as pl

LABELS: Final = "labels.jsonl"
LabelName: TypeAlias = Literal["complement", "substitute", "weak", "irrelevant", "none"]
LABEL_NAMES: Final[tuple[str, ...]] = get_args(LabelName)
_MAX_TEXT: Final = 5000
"""Characters of an id or a name that is read."""


@dataclass(frozen=True)
class Label:
    """What one person says of a recommendation.

    Attributes:
        source: id of the product that it is recommended for.
        target: id of the recommended product.
        label: `complement`, `substitute`, `weak`, `irrelevant`, or `none` to withdraw a label.
        who: key or user; None if unknown.
        at: time, UTC.
    """

    source: str
    target: str
    label: LabelName
    who: str | None = None
    at: str = ""


@dataclass(frozen=True)
class StoredLabels:
    """The labels that count.

    Attributes:
        labels: the last of each person and pair, oldest first; none that is withdrawn.
        unreadable: lines that were skipped.
    """

    labels: list[Label]
    unreadable: int = 0


class LabelStore:
    """The labels of the bundle at a path."""

    def __init__(self, bundle: Path) -> None:
        self.path = bundle / LIVE_FOLDER / LABELS

    def read(self) -> StoredLabels:
        """The labels that count.

        Raises:
            BundleError: the file is no plain file, or too large.
        """
        if not self.path.exists() and not self.path.is_symlink():
            return StoredLabels([])
        check_regular(self.path, MAX_LIVE_BYTES[LABELS])
        last: dict[tuple[str, str, str | None], Label] = {}
        unreadable = 0
        for line in self.path.read_bytes().splitlines():
            label = _read_label(line)
            if label is None:
                unreadable += bool(line)
                continue
            key = label.source, label.target, label.who
            last.pop(key, None)
            if label.label != "none":
                last[key] = label
        return StoredLabels(list(last.values()), unreadable)

    def add(self, labels: Sequence[Label]) -> list[Label]:
        """Store labels; returns them as stored, with a time, when they are on the disk.

        Raises:
            ConfigError: the file would be larger than it may be.
            OSError: the disk refuses; some of the labels may be stored.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        stored = [
            Label(one.source, one.target, one.label, one.who, one.at or now) for one in labels
        ]
        lines = b"".join(
            json.dumps(vars(label), ensure_ascii=False).encode() + b"\n" for label in stored
        )
        with locked(self.path.parent):
            is_new = not self.path.exists()
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(file).st_size
                if size + len(lines) > MAX_LIVE_BYTES[LABELS]:
                    raise ConfigError(
                        f"{self.path} is full; move it away after exporting its labels"
                    )
                if size and os.pread(file, 1, size - 1) != b"\n":
                    lines = b"\n" + lines
                write_all(file, lines)
                os.fsync(file)
            finally:
                os.close(file)
            if is_new:
                sync_path(self.path.parent)
        return stored


def judged_table(labels: Iterable[Label]) -> pl.DataFrame:
    """Labels as the table that the protocol `judged` reads.

    Returns:
        One row a pair, in the order of the first label: source, target, complement and substitute
        (shares of the judges that say so, 0 to 1), judges (their number).
    """
    import polars as pl

    rows = [(one.source, one.target, one.label) for one in labels]
    schema = {"source": pl.String, "target": pl.String, "label": pl.String}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .group_by("source", "target", maintain_order=True)
        .agg(
            (pl.col("label") == "complement").mean().alias("complement"),
            (pl.col("label") == "substitute").mean().alias("substitute"),
            pl.len().cast(pl.Int64).alias("judges"),
        )
    )


def _read_label(line: bytes) -> Label | None:
    """The label of a line; None where it is not complete, or holds something else."""
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or set(record) != {"source", "target", "label", "who", "at"}:
        return None
    who = record["who"]
    texts = [record["source"], record["target"], record["at"], who if who is not None else "-"]
    if not all(map(_is_text, texts)) or record["label"] not in LABEL_NAMES:
        return None
    return Label(**record)


def _is_text(value: Any) -> bool:
    """Text that is not too long, without lone surrogates, which JSON can hold."""
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
