"""`goeswith relevance`: from a table to a model, figures and classes of a file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from goeswith.cli.main import app
from goeswith.core.errors import ConfigError, DataError

RUN = CliRunner()
PUBLISHED = "shopping_queries_dataset_"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slice in the exact format that the public data have: two locales, three parquet files."""
    folder = tmp_path_factory.mktemp("esci")
    labels = "ESCI"
    things = ["phone", "mug", "shirt", "shoe"]
    products = [
        {
            "product_id": f"B{n:03}",
            "product_title": f"{colour} {thing} for tea",
            "product_description": f"<p>{thing}</p>",
            "product_bullet_point": "steel",
            "product_brand": None,
            "product_color": colour,
            "product_locale": locale,
        }
        for locale in ("us", "jp")
        for n, (colour, thing) in enumerate((c, t) for c in ("red", "blue") for t in things)
    ]
    examples = [
        {
            "example_id": number,
            "query": f"{thing} {word}",
            "query_id": query,
            "product_id": f"B{n:03}",
            "product_locale": locale,
            "esci_label": labels[(n + query) % 4],
            "small_version": n % 2,
            "large_version": 1,
            "split": "test" if query % 4 == 3 else "train",
        }
        for number, (locale, query, (thing, word), n) in enumerate(
            (locale, query, named, n)
            for locale in ("us", "jp")
            for query, named in enumerate((t, w) for t in things for w in ("with", "and"))
            for n in range(8)
        )
    ]
    examples.append({**examples[0], "product_id": "gone", "example_id": 9999})
    pl.DataFrame(examples).write_parquet(folder / f"{PUBLISHED}examples.parquet")
    pl.DataFrame(products).write_parquet(folder / f"{PUBLISHED}products.parquet")
    sources = pl.DataFrame({"query_id": [0, 1], "source": ["other", "negations"]})
    sources.write_csv(folder / f"{PUBLISHED}sources.csv")
    return folder


def run(*words: object, code: int = 0) -> str:
    result = RUN.invoke(app, ["relevance", *map(str, words)])
    if code:
        assert isinstance(result.exception, ConfigError | DataError)
        return str(result.exception)
    assert result.exit_code == 0, result.exception
    return result.output


def quick(encoder: Path) -> list[str]:
    given = {"encoder": encoder, "dimension": 8, "heads": 2, "max_tokens": 16, "epochs": 1}
    return [word for key, value in given.items() for word in ("--set", f"{key}={value}")]


def test_two_phases_leave_a_model_of_each_locale(
    published: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    said = run("fit", published, "--out", tmp_path / "all", *quick(tiny_encoder))
    assert "us" in said and "jp" in said
    assert "Rows set aside" in said
    run(
        "fit",
        published,
        "--out",
        tmp_path / "each",
        "--phase",
        "finetune",
        "--start",
        tmp_path / "all",
    )
    assert {f.name for f in (tmp_path / "each").iterdir()} == {"us", "jp"}
    figures, plot = tmp_path / "figures.json", tmp_path / "confusion.svg"
    run("evaluate", tmp_path / "each" / "us", published, "-o", figures, "-o", plot)
    result = json.loads(figures.read_text())
    assert result["pairs"] == 32 == sum(map(sum, result["confusion"]))
    assert set(result["locales"]) == {"us", "jp"}
    assert set(result["f1"]) <= {"exact", "substitute", "complement", "irrelevant"}
    assert plot.read_text().lstrip().startswith("<?xml")
    small = tmp_path / "small.json"
    run("evaluate", tmp_path / "all", published, "-o", small, "--version", "small")
    assert json.loads(small.read_text())["pairs"] == 16


def test_engagement_is_the_behaviour_where_there_is_some(
    published: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    table = pl.DataFrame(
        {
            "query": ["phone with", "mug and"],
            "product_id": ["B000", "B001"],
            "locale": ["us", "us"],
            "clicks": [3, 1],
            "purchases": [1, 0],
        }
    )
    table.write_csv(tmp_path / "engagement.csv")
    given = ["--engagement", tmp_path / "engagement.csv"]
    run("fit", published, "--out", tmp_path / "m", *quick(tiny_encoder), *given)
    assert json.loads((tmp_path / "m" / "salam.json").read_text())["relations"] == [
        "clicks",
        "purchases",
    ]


def test_a_file_is_classified_and_bad_rows_do_not_stop_it(
    relevance_model: Path, tmp_path: Path
) -> None:
    rows = [{"query": f"phone {i}", "title": "a case", "locale": "us"} for i in range(30)]
    pl.DataFrame([*rows, {"query": None, "title": "no query", "locale": "us"}]).write_csv(
        tmp_path / "pairs.csv"
    )
    run("classify", relevance_model, tmp_path / "pairs.csv", "--out", tmp_path / "out.parquet")
    result = pl.read_parquet(tmp_path / "out.parquet")
    assert result.height == 30
    assert set(result["class"]) <= {"substitute", "complement", "irrelevant"}
    total = result.select(pl.sum_horizontal("p_substitute", "p_complement", "p_irrelevant"))
    assert total.to_series().to_list() == pytest.approx([1.0] * 30, abs=1e-3)


def test_a_shops_own_relations_are_learned_from(
    shop_folder: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    run("fit", shop_folder, "--out", tmp_path / "judge", *quick(tiny_encoder))
    assert json.loads((tmp_path / "judge" / "salam.json").read_text())["classes"] == [
        "substitute",
        "complement",
        "irrelevant",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "epochs=0"], "epochs"),
        (["--set", "epochz=1"], "epochz"),
        (["--set", "epochs"], "write key=value"),
        (["--version", "tiny"], "small or large"),
        (["--locale", "fr", "--phase", "finetune"], "no locale 'fr'"),
    ],
)
def test_a_wrong_setting_is_reported(
    published: Path, tiny_encoder: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    said = run("fit", published, "--out", tmp_path, *quick(tiny_encoder), *words, code=2)
    assert message in said


def test_a_table_without_its_columns_is_reported(tmp_path: Path) -> None:
    pl.DataFrame({"query": ["a"], "titel": ["b"], "label": ["E"]}).write_csv(tmp_path / "t.csv")
    assert "title" in run("fit", tmp_path / "t.csv", "--out", tmp_path / "m", code=2)
    assert "no file or folder" in run("fit", tmp_path / "none", "--out", tmp_path / "m", code=2)
    assert "examples" in run("fit", tmp_path, "--out", tmp_path / "m", code=2)


def test_rows_that_cannot_be_used_are_reported_of_a_shop_and_stop_engagement(
    published: Path, shop_folder: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(shop_folder, shop)
    products = (shop / "products.csv").read_text()
    (shop / "products.csv").write_text(products + "," * products.split("\n")[0].count(",") + "\n")
    assert "Rows set aside" in run("fit", shop, "--out", tmp_path / "judge", *quick(tiny_encoder))
    table = pl.DataFrame({"query": [None, "mug and"], "product_id": ["B0", "B1"], "clicks": [1, 1]})
    table.write_csv(tmp_path / "engagement.csv")
    given = ["--engagement", tmp_path / "engagement.csv"]
    said = run("fit", published, "--out", tmp_path / "m", *quick(tiny_encoder), *given, code=2)
    assert "engagement.csv" in said and "no query" in said
