"""Sentences for the first recommendations of every product, written once and published.

Progress is stored in a journal beside the bundle, one line a product, so that an interrupted run
can be resumed; the bundle changes by one rename at the end.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np

from goeswith.core.arrays_file import save_arrays
from goeswith.core.atomic_files import link_or_copy
from goeswith.query.bundle import Bundle
from goeswith.store.manifest import EXPLANATIONS, read_manifest
from goeswith.store.publish import UNPUBLISHED, new_build, publish
from goeswith.store.string_array import pack_strings
from goeswith.text.explain_pairs import explain_pairs
from goeswith.text.explanation import TEMPLATE, ProductPair
from goeswith.text.product_text import clean_text

if TYPE_CHECKING:
    from goeswith.core.progress import StepProgress
    from goeswith.text.explanation import Explainer

DEFAULT_TOP: Final = 3
_BLOCK: Final = 64  # products between two lines on the disk


@dataclass(frozen=True)
class ExplanationSummary:
    """What `explain_bundle` did.

    Attributes:
        pairs: explained.
        by: who wrote how many.
        refused: kind of claim -> sentences that were refused for one.
        resumed: products that an earlier run had explained.
    """

    pairs: int
    by: dict[str, int]
    refused: dict[str, int]
    resumed: int


class _JournalLine(TypedDict):
    row: int
    targets: list[int]
    texts: list[str]
    by: list[str]
    refused: list[str]


def explain_bundle(
    path: Path,
    explainer: Explainer | None = None,
    top: int = DEFAULT_TOP,
    progress: StepProgress | None = None,
) -> ExplanationSummary:
    """Write and publish sentences for the first `top` recommendations of every product.

    Args:
        path: the bundle; it answers as before until all is written.
        explainer: writes them; None for templates.
        top: answers of a product that are explained.
        progress: called with the number of finished products.

    Raises:
        BundleError: the bundle is damaged, or another run is writing it.
    """
    read_manifest(path)  # a folder that is no bundle is not to become one
    with new_build(path) as build:
        bundle = Bundle.open(path)
        bundle.check_k(top)
        journal = _Journal(path, bundle, explainer.name if explainer else TEMPLATE, top)
        with journal:
            for line in _lines(bundle, explainer, top, journal, progress):
                journal.add(line)
        save_arrays(_arrays(journal.lines, len(bundle), top), build / EXPLANATIONS)
        for name in bundle.manifest["files"]:
            if name != EXPLANATIONS:
                link_or_copy(bundle.folder / name, build / name)
        by = Counter(name for line in journal.lines.values() for name in line["by"])
        refused = Counter(kind for line in journal.lines.values() for kind in line["refused"])
        facts = {"top": top, "by": dict(by), "refused": dict(refused)}
        content = {k: v for k, v in bundle.manifest.items() if k not in UNPUBLISHED}
        publish(build, {**content, "explanations": facts})
        journal.delete()
    return ExplanationSummary(sum(by.values()), dict(by), dict(refused), journal.resumed)


def _lines(
    bundle: Bundle,
    explainer: Explainer | None,
    top: int,
    journal: _Journal,
    progress: StepProgress | None,
) -> Iterator[list[_JournalLine]]:
    n = len(bundle)
    brands = _brands(bundle)
    rows = [row for row in range(n) if row not in journal.lines]
    for start in range(0, len(rows), _BLOCK):
        if progress is not None:
            progress(n - len(rows) + start, n, "explaining")
        block = rows[start : start + _BLOCK]
        pairs: list[ProductPair] = []
        targets: list[list[int]] = []
        for row in block:
            targets_of_row, _, model_index = bundle.top_k_lists.for_product(row, top)
            evidence = bundle.pair_evidence(row, targets_of_row, model_index.astype(np.int32))
            source = bundle.table.attributes(row)
            targets.append(targets_of_row.tolist())
            pairs += [
                ProductPair(source, bundle.table.attributes(target), pair_evidence)
                for target, pair_evidence in zip(targets[-1], evidence, strict=True)
            ]
        explanations = iter(explain_pairs(pairs, explainer, brands))
        lines: list[_JournalLine] = []
        for row, answers in zip(block, targets, strict=True):
            sentences = [next(explanations) for _ in answers]
            lines.append(
                _JournalLine(
                    row=row,
                    targets=answers,
                    texts=[one.text for one in sentences],
                    by=[one.by for one in sentences],
                    refused=[k for one in sentences for k in sorted({c.kind for c in one.refused})],
                )
            )
        yield lines
    if progress is not None:
        progress(n, n, "publishing")


def _brands(bundle: Bundle) -> frozenset[str]:
    frame = bundle.table.frame
    if "brand" not in frame.columns:
        return frozenset()
    return frozenset(clean_text(name).lower() for name in frame["brand"].drop_nulls().unique())


def _arrays(lines: dict[int, _JournalLine], n: int, top: int) -> dict[str, Any]:
    place_of: dict[str, int] = {}
    targets = np.full((n, top), -1, dtype=np.int32)
    place = np.full((n, top), -1, dtype=np.int32)
    by = np.zeros((n, top), dtype=np.int8)
    for row, line in lines.items():
        count = len(line["targets"])
        targets[row, :count] = line["targets"]
        place[row, :count] = [place_of.setdefault(text, len(place_of)) for text in line["texts"]]
        by[row, :count] = [name != TEMPLATE for name in line["by"]]
    return {"targets": targets, "place": place, "by": by, **pack_strings("text", list(place_of))}


class _Journal:
    """Sentences written so far: JSON lines beside the bundle; the first line describes the run."""

    def __init__(self, path: Path, bundle: Bundle, by: str, top: int) -> None:
        self._file = path.absolute().with_name(f".{path.absolute().name}.explaining.jsonl")
        self._head = {"bundle": bundle.id, "by": by, "top": top}
        self.lines: dict[int, _JournalLine] = self._read()
        self.resumed = len(self.lines)

    def __enter__(self) -> None:
        self._outgoing = self._file.open("w", encoding="utf-8")
        self._write([self._head, *self.lines.values()])

    def __exit__(self, *_: object) -> None:
        self._outgoing.close()

    def add(self, lines: list[_JournalLine]) -> None:
        """Store the sentences of some products; they are on disk when this returns."""
        self.lines.update((line["row"], line) for line in lines)
        self._write(lines)

    def delete(self) -> None:
        """Remove it."""
        self._file.unlink(missing_ok=True)

    def _write(self, lines: list[Any]) -> None:
        self._outgoing.writelines(f"{json.dumps(line)}\n" for line in lines)
        self._outgoing.flush()
        os.fsync(self._outgoing.fileno())

    def _read(self) -> dict[int, _JournalLine]:
        """The lines of an earlier run of the same; a last one that was cut short is left out."""
        try:
            head, *rest = self._file.read_text(encoding="utf-8").split("\n")
            if json.loads(head) != self._head:
                return {}
        except (OSError, ValueError):
            return {}
        lines: dict[int, _JournalLine] = {}
        for text in rest:
            try:
                line = json.loads(text)
                lines[line["row"]] = line
            except (ValueError, TypeError, KeyError):
                break
        return lines
