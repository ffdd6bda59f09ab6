"""`goeswith relevance`: what a product is to a query, or to another product."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from goeswith.cli.former_options import FormerFileOptions
from goeswith.cli.options import Json
from goeswith.cli.plain_help import PlainCommand, PlainGroup

if TYPE_CHECKING:
    from goeswith.language.salam.config import SalamConfig
    from goeswith.language.salam.relevance_examples import RelevanceExamples

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Classify pairs as exact, substitute, complement or irrelevant: a query and a product, or "
    "two products.",
)

Data = Annotated[
    Path,
    typer.Argument(
        help="The published shopping-queries files, a table of query, product text and label, or "
        "a shop's folder, whose own relations are learned from.",
        metavar="DATA",
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model's folder.")]
Engagement = Annotated[
    Path | None,
    typer.Option(help="A table of query, product_id and clicks, adds, purchases.", metavar="FILE"),
]
Version = Annotated[
    str | None, typer.Option(help="Rows of the published data: small or large.", metavar="NAME")
]

_FIGURES: Final = {
    ".json": "figures",
    ".png": "the confusion matrix",
    ".svg": "the confusion matrix",
}


class Phase(StrEnum):
    """Phases of training."""

    pretrain = "pretrain"
    finetune = "finetune"


@app.command(cls=PlainCommand)
def fit(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="MODEL", help="The model's folder.")],
    phase: Annotated[
        Phase,
        typer.Option(
            metavar="pretrain|finetune",
            help="pretrain learns from all locales; finetune from each by itself.",
        ),
    ] = Phase.pretrain,
    start: Annotated[
        Path | None, typer.Option(help="A pretrained model to start from.", metavar="MODEL")
    ] = None,
    locale: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Fine-tune for this locale alone; repeatable."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting; repeatable. `goeswith relevance settings` prints every one.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    engagement: Engagement = None,
    version: Version = None,
    json: Json = False,
) -> None:
    """Train a relevance model; a killed run can be resumed.

        goeswith relevance fit shop -o judge

    Fine-tuning writes a model of each locale into a folder of its name under OUT.
    """
    from goeswith.cli.output import Output, progress_bar
    from goeswith.cli.terminal_table import Table
    from goeswith.language.salam.salam_model import Salam, read_config

    overrides = _parse_settings(set_ or [])
    if start is not None:
        # an earlier phase determines the network; training may differ
        overrides = {**read_config(start).model_dump(mode="json"), "balance": False, **overrides}
    config = _make_config(overrides, shop=_is_shop(data))
    records: list[dict[str, Any]] = []
    with progress_bar() as progress:

        def on_progress(line: str) -> None:
            progress(0, 1, line)

        on_progress(f"reading {data}")
        examples = _read_data(data, config, engagement, version)
        groups: list[tuple[Path, list[str]]] = [(out, examples.regions)]
        if phase is Phase.finetune:
            groups = [(out / name, [name]) for name in locale or examples.regions]
        for folder, names in groups:
            checkpoint = folder.absolute().with_name(f".{folder.name}.training")
            model = Salam.fit(
                examples,
                config,
                locales=names,
                start=start,
                checkpoint=checkpoint,
                on_progress=on_progress,
            )
            model.save(folder)
            best = max(model.history, key=lambda e: e["validation"])
            records.append(
                {
                    "model": str(folder),
                    "locales": names,
                    "macro_f1": best["validation"],
                    "epoch": best["epoch"],
                }
            )
    output = Output(json)
    output.quarantine(examples.quarantine)
    output.result(
        Table("Models", records),
        {"models": records},
        [
            f"{record['model']}: {', '.join(record['locales'])}; validation macro-F1 "
            f"{record['macro_f1']:.3f} in epoch {record['epoch']}"
            for record in records
        ],
    )


@app.command(cls=FormerFileOptions)
def evaluate(
    model: Model,
    data: Data,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write every figure (.json) or the confusion matrix (.png, .svg) here; "
            "repeatable.",
        ),
    ] = None,
    engagement: Engagement = None,
    version: Version = None,
    json: Json = False,
) -> None:
    """Measure F1 on the test split: over all, by class and by locale.

        goeswith relevance evaluate judge shop -o figures.json -o confusion.svg

    The split is that of the file, or drawn by query as in training with the same seed.
    """
    from goeswith.cli.arguments import check_outputs
    from goeswith.cli.output import Output, progress_bar
    from goeswith.cli.terminal_table import pairs_table
    from goeswith.core.atomic_files import write_json
    from goeswith.core.errors import DataError
    from goeswith.language.salam.relevance_report import classification_report, confusion_plot
    from goeswith.language.salam.salam_model import Salam

    files = out or []
    check_outputs(files, _FIGURES)
    with progress_bar() as progress:
        fitted = Salam.load(model)
        config = fitted.config
        examples = _read_data(data, config, engagement, version)
        test = examples.parts["test"]
        if not len(test):
            raise DataError(f"{data} has no pair to test with")
        left, right = ([examples.keys[i] for i in ends] for ends in (test.left, test.right))
        one, other = ([examples.texts[i] for i in ends] for ends in (test.left, test.right))
        probabilities = fitted.probabilities(
            left, right, (one, other), lambda line: progress(0, 1, line)
        )
    figures = classification_report(
        probabilities, test.labels, test.regions, config.classes, examples.regions
    )
    for file in files:
        if file.suffix == ".json":
            write_json(figures, file)
        else:
            confusion_plot(figures, config.classes, file)
    output = Output(json)
    output.quarantine(examples.quarantine)
    base = figures["most_frequent_class"]
    table = pairs_table(
        f"{figures['pairs']:,} pairs of test",
        {
            "macro-F1": figures["macro_f1"],
            "micro-F1": figures["micro_f1"],
            **{f"F1 of {name}": score for name, score in figures["f1"].items()},
            "macro-F1 of the most frequent class": base["macro_f1"],
            "micro-F1 of the most frequent class": base["micro_f1"],
            **{f"macro-F1 in {n}": f["macro_f1"] for n, f in figures["locales"].items()},
        },
    )
    output.result(table, figures)
    for file in files:
        output.say(f"{file}: {_FIGURES[file.suffix]}")


@app.command(cls=PlainCommand)
def classify(
    model: Model,
    pairs: Annotated[
        Path, typer.Argument(help="A table of query, and title or product_id.", metavar="PAIRS")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The table with classes: .parquet or .csv."
        ),
    ],
    json: Json = False,
) -> None:
    """Write the class of every pair of a table, and the probability of each class.

        goeswith relevance classify judge pairs.csv -o classes.parquet

    Rows that cannot be used are set aside and counted.
    """
    import polars as pl

    from goeswith.cli.arguments import check_outputs
    from goeswith.cli.output import Output, progress_bar
    from goeswith.core.atomic_files import atomic_path
    from goeswith.data.quarantine import Quarantine
    from goeswith.language.salam.label_tables import read_pairs
    from goeswith.language.salam.salam_model import Salam

    check_outputs([out], {".parquet": "parquet", ".csv": "CSV"})
    quarantine = Quarantine()
    with progress_bar() as progress:
        table = read_pairs(pairs, quarantine)
        quarantine.check()
        fitted = Salam.load(model)
        probabilities = fitted.probabilities(
            table["left"].to_list(),
            table["right"].to_list(),
            (table["query"].to_list(), table["text"].to_list()),
            lambda line: progress(0, 1, line),
        )
    classes = fitted.config.classes
    shown = ["query", "locale", "product_id", "text"]
    written = table.select(shown).with_columns(
        **{"class": pl.Series([classes[number] for number in probabilities.argmax(axis=1)])},
        **{f"p_{name}": probabilities[:, number] for number, name in enumerate(classes)},
    )
    with atomic_path(out) as beside:
        (written.write_parquet if out.suffix == ".parquet" else written.write_csv)(beside)
    output = Output(json)
    output.quarantine(quarantine)
    output.summary({"file": str(out), "pairs": written.height}, f"{out}: {written.height:,} pairs")


@app.command(cls=PlainCommand)
def settings(json: Json = False) -> None:
    """Print the settings of `--set`, with default and meaning.

        goeswith relevance settings

    `goeswith relevance fit --set KEY=VALUE` changes one.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Column, Table
    from goeswith.language.salam.config import SalamConfig

    defaults = SalamConfig().model_dump(mode="json")
    records = [
        {"setting": name, "default": defaults[name], "description": field.description}
        for name, field in SalamConfig.model_fields.items()
    ]
    columns = [
        Column("setting", min_width=20),
        Column("default", lambda record: str(record["default"]), min_width=12),
        Column("description", min_width=30),
    ]
    Output(json).result(Table("Settings of relevance", records, columns), {"settings": records})


def _is_shop(data: Path) -> bool:
    from goeswith.data.tables import READABLE_SUFFIXES

    def there(table: str) -> bool:
        return any((data / f"{table}{suffix}").exists() for suffix in READABLE_SUFFIXES)

    return data.is_dir() and not there("examples") and (there("relations") or there("events"))


def _read_data(
    data: Path, config: SalamConfig, engagement: Path | None, version: str | None
) -> RelevanceExamples:
    from goeswith.data.folder import load_data
    from goeswith.language.salam.relevance_examples import read_examples, shop_examples
    from goeswith.relations.build_graph import build_graph

    if _is_shop(data):
        shop = load_data(data)
        examples = shop_examples(shop.name, shop.catalog, build_graph(shop), config)
        examples.quarantine = shop.quarantine
        return examples
    return read_examples(data, config, engagement=engagement, version=version)


def _parse_settings(assignments: list[str]) -> dict[str, object]:
    from goeswith.core.errors import ConfigError

    settings: dict[str, object] = {}
    for item in assignments:
        key, equals, value = item.partition("=")
        if not equals:
            raise ConfigError(f"--set {item!r}: write key=value")
        settings[key.strip()] = value.strip()
    return settings


def _make_config(overrides: dict[str, object], *, shop: bool) -> SalamConfig:
    from pydantic import ValidationError

    from goeswith.core.errors import ConfigError
    from goeswith.language.salam.config import SalamConfig

    try:
        return SalamConfig.model_validate({**({"labels": "s_c_i"} if shop else {}), **overrides})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()} (got {e['input']!r})"
            for e in error.errors()
        )
        raise ConfigError(
            f"settings of relevance: {wrong}; `goeswith relevance settings` prints every one"
        ) from error
