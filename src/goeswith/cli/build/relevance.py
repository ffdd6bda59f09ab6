"""`goeswith relevance`: what a product is to a query, or to another product."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from goeswith.language.salam.config import SalamConfig
    from goeswith.language.salam.relevance_examples import RelevanceExamples

app = typer.Typer(
    no_args_is_help=True,
    help="Exact, substitute, complement or irrelevant: of queries and products, or of products.",
)

Data = Annotated[
    Path,
    typer.Argument(
        help="The published shopping-queries files, a table of query, product text and label, or "
        "a shop's folder, whose own relations are learned from.",
        metavar="DATA",
    ),
]
Engagement = Annotated[
    Path | None,
    typer.Option(help="A table of query, product_id and clicks, adds, purchases.", metavar="FILE"),
]
Version = Annotated[
    str | None, typer.Option(help="Rows of the published data: small or large.", metavar="NAME")
]


class Phase(StrEnum):
    """Phases of training."""

    pretrain = "pretrain"
    finetune = "finetune"


@app.command()
def fit(
    data: Data,
    out: Annotated[Path, typer.Option(help="The model's folder.")],
    phase: Annotated[
        Phase,
        typer.Option(help="pretrain learns from all locales; finetune from each by itself."),
    ] = Phase.pretrain,
    start: Annotated[
        Path | None, typer.Option(help="A pretrained model to start from.", metavar="MODEL")
    ] = None,
    locale: Annotated[
        list[str] | None, typer.Option(help="Fine-tune for this locale alone; repeatable.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, `key=value`; repeatable.", metavar="KEY=VALUE"),
    ] = None,
    engagement: Engagement = None,
    version: Version = None,
) -> None:
    """Train a relevance model; a killed run can be resumed.

    Fine-tuning leaves a model of each locale in a folder of its name under OUT.
    """
    from goeswith.cli.output import console, progress_bar
    from goeswith.language.salam.salam_model import Salam, read_config

    overrides = _parse_settings(set_ or [])
    if start is not None:
        # an earlier phase determines the network; training may differ
        overrides = {**read_config(start).model_dump(mode="json"), "balance": False, **overrides}
    config = _make_config(overrides, shop=_is_shop(data))
    screen = console()
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
            last = max(model.history, key=lambda e: e["validation"])
            screen.print(
                f"{folder}: {', '.join(names)}; validation macro-F1 {last['validation']:.3f} in "
                f"epoch {last['epoch']}",
                markup=False,
                soft_wrap=True,
            )
    _print_quarantine(examples)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="A model's folder.", metavar="MODEL")],
    data: Data,
    json: Annotated[Path | None, typer.Option(help="Write every figure here.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the confusion matrix: .png or .svg.")
    ] = None,
    engagement: Engagement = None,
    version: Version = None,
) -> None:
    """F1 on the test split: over all, by class and by locale.

    The split is that of the file, or drawn by query as in training with the same seed.
    """
    from goeswith.cli.arguments import check_writable
    from goeswith.cli.output import console, pairs_table, progress_bar
    from goeswith.core.atomic_files import write_json
    from goeswith.core.errors import DataError
    from goeswith.language.salam.relevance_report import classification_report, confusion_plot
    from goeswith.language.salam.salam_model import Salam

    check_writable(json)
    check_writable(plot)
    screen = console()
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
    base = figures["most_frequent_class"]
    screen.print(
        pairs_table(
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
    )
    if json is not None:
        write_json(figures, json)
    if plot is not None:
        confusion_plot(figures, config.classes, plot)
    _print_quarantine(examples)


@app.command()
def classify(
    model: Annotated[Path, typer.Argument(help="A model's folder.", metavar="MODEL")],
    pairs: Annotated[
        Path, typer.Argument(help="A table of query, and title or product_id.", metavar="PAIRS")
    ],
    out: Annotated[
        Path, typer.Option(help="Where to write the table with classes: .parquet or .csv.")
    ],
) -> None:
    """The class of every pair of a table, and the probability of each."""
    import polars as pl

    from goeswith.cli.output import console, progress_bar
    from goeswith.core.atomic_files import atomic_path
    from goeswith.core.errors import ConfigError
    from goeswith.data.quarantine import Quarantine
    from goeswith.language.salam.label_tables import read_pairs
    from goeswith.language.salam.salam_model import Salam

    if out.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"{out}: write .parquet or .csv")
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
    console().print(f"{out}: {written.height:,} pairs", markup=False, soft_wrap=True)


def _is_shop(data: Path) -> bool:
    from goeswith.data.tables import READABLE

    def there(table: str) -> bool:
        return any((data / f"{table}{suffix}").exists() for suffix in READABLE)

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


def _make_config(given: dict[str, object], *, shop: bool) -> SalamConfig:
    from pydantic import ValidationError

    from goeswith.core.errors import ConfigError
    from goeswith.language.salam.config import SalamConfig

    try:
        return SalamConfig.model_validate({**({"labels": "s_c_i"} if shop else {}), **given})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()} (got {e['input']!r})"
            for e in error.errors()
        )
        known = ", ".join(SalamConfig.model_fields)
        raise ConfigError(f"settings of relevance: {wrong}. They are: {known}") from error


def _print_quarantine(examples: RelevanceExamples) -> None:
    from goeswith.cli.output import console, records_table

    if aside := examples.quarantine.counts().to_dicts():
        console().print(records_table("Rows set aside", aside))
