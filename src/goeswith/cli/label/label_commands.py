"""`goeswith label sample|read`: pairs to label, and what annotators wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from goeswith.cli.options import Json

if TYPE_CHECKING:
    from goeswith.rules.label_store import Label

_SAMPLE: Final = {".csv": "pairs to label"}
_JUDGED: Final = {".csv": "labelled pairs", ".parquet": "labelled pairs"}
_UNKNOWN: Final = "unknown"
"""The annotator of labels that were stored without a name."""


def sample(
    bundles: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE...",
            help="Bundles of one shop; the recommendations of all of them are pooled.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="CSV file to write.")],
    products: Annotated[
        int, typer.Option(min=1, metavar="N", help="Products whose recommendations to label.")
    ] = 100,
    skip: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A filled in file; its pairs are left out; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the draw.")] = 0,
    json: Json = False,
) -> None:
    """Write the first five recommendations of some products to a CSV file to fill in.

        goeswith label sample bundle -o ana.csv

    A third of the products each is popular, average and rare. The file does not say which bundle
    or model recommends a pair. A guide for annotators is written beside it.
    """
    from goeswith.cli.arguments import check_outputs
    from goeswith.cli.output import Output
    from goeswith.core.errors import ConfigError
    from goeswith.export.label_sample import sample_pairs
    from goeswith.query.bundle import Bundle
    from goeswith.rules.label_files import read_label_file, write_label_file

    check_outputs([out], _SAMPLE)
    if out.exists():
        raise ConfigError(f"{out} exists; it may hold labels: choose another file, or remove it")
    labelled = {
        (label.source, label.target)
        for file in skip or []
        for label in read_label_file(file, file.stem).labels
    }
    pairs = sample_pairs([Bundle.open(path) for path in bundles], products, seed, labelled)
    if not pairs:
        raise ConfigError("no recommendation is left to label; fewer --skip, or more products")
    guide = write_label_file(pairs, out)
    drawn = len({pair.source for pair in pairs})
    Output(json).summary(
        {"out": str(out), "guide": str(guide), "products": drawn, "pairs": len(pairs)},
        f"{out}: {len(pairs):,} recommendations of {drawn:,} products to label; {guide} says how",
    )


def read(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|BUNDLE...",
            help="Filled in files, one for each annotator, and bundles whose labels were stored "
            "by the service.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write the labelled pairs here (.csv, .parquet)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check labels, measure how well annotators agree, and write the table of labelled pairs.

        goeswith label read ana.csv bo.csv -o judged.csv

    Set `evaluation.judged` to the table, and compare models with
    `goeswith benchmark shop --protocol judged`.
    """
    from dataclasses import asdict

    from goeswith.cli.arguments import check_outputs
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.core.atomic_files import write_parquet, write_text
    from goeswith.core.errors import ConfigError, DataError
    from goeswith.rules.label_agreement import agreement
    from goeswith.rules.label_store import judged_table

    if out is not None:
        check_outputs([out], _JUDGED)
        if out in files:
            raise ConfigError(f"{out} is one of the files to read; write to another one")
    labels, records, notes = _collect(files)
    if not labels:
        raise DataError(f"{', '.join(map(str, files))}: no row has a label; fill in the column")
    table = judged_table(labels)
    agreed = agreement(labels)
    if out is not None:
        if out.suffix == ".csv":
            write_text(table.write_csv(), out)
        else:
            write_parquet(table, out)
    output = Output(json)
    document = {
        "annotators": records,
        "pairs": table.height,
        "agreement": [asdict(one) for one in agreed],
        "out": None if out is None else str(out),
    }
    output.result(Table("Labels", records, [*map(Column, records[0])]), document)
    for text in notes:
        output.say(text)
    for one in agreed:
        kappa = "not defined" if one.kappa is None else f"{one.kappa:.2f}"
        output.say(
            f"{one.first} and {one.second}: equal labels for {one.share:.0%} of {one.pairs:,} "
            f"common pairs, kappa {kappa}"
        )
    if not agreed:
        output.say("no pair has labels of two annotators, so their agreement is unknown")
    if out is not None:
        output.say(f"{out}: {table.height:,} labelled pairs, for evaluation.judged")


def _collect(files: list[Path]) -> tuple[list[Label], list[dict[str, str | int]], list[str]]:
    """All labels, how many of each every annotator gave, and what was skipped."""
    from goeswith.core.errors import ConfigError
    from goeswith.rules.label_files import LABELS

    labels: list[Label] = []
    counts: dict[str, dict[str, int]] = {}
    notes: list[str] = []
    for path in files:
        found, empty, skipped = _labels_of(path)
        names = {label.who or _UNKNOWN for label in found} | ({path.stem} if empty else set())
        for name in names & counts.keys():
            raise ConfigError(f"{path}: {name} also labelled another file; rename one of the files")
        for name in names:
            counts[name] = dict.fromkeys((*LABELS, "empty"), 0)
        for label in found:
            counts[label.who or _UNKNOWN][label.label] += 1
        if empty:
            counts[path.stem]["empty"] = empty
        labels += found
        notes += skipped
    return labels, [{"annotator": name, **row} for name, row in sorted(counts.items())], notes


def _labels_of(path: Path) -> tuple[list[Label], int, list[str]]:
    """Labels of a file or of a bundle, rows without one, and what was skipped."""
    from goeswith.core.errors import DataError
    from goeswith.rules.label_files import read_label_file
    from goeswith.rules.label_store import LabelStore

    if not path.is_dir():
        found = read_label_file(path, path.stem)
        return found.labels, found.empty, []
    stored = LabelStore(path).read()
    if not stored.labels:
        raise DataError(f"{path}: no labels are stored there; POST /v1/labels of the service does")
    skipped = f"{path}: {stored.unreadable:,} unreadable lines skipped"
    return stored.labels, 0, [skipped] if stored.unreadable else []
