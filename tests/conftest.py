"""Small tables that the tests make, and where the real slices are."""

from __future__ import annotations

import os
import shutil
import sys

# tiny matrices: a second thread costs more than it gives, and it spins while others work
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from goeswith.data.catalog import Catalog
from goeswith.relations.graph import RelationGraph

# how long an example takes says more about what else the machine does
settings.register_profile("unhurried", settings.get_profile("default"), deadline=None)
if settings.get_current_profile_name() == "default":
    settings.load_profile("unhurried")

RunCommand = Callable[..., tuple[int, str, str]]
SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; tests that ask for it are named as left out where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("real data slices (../shared/data) are not on this machine")
    return SHARED


def _present(path: str | Path | None, what: str) -> Path:
    """A program or file that `make test` installs where it may; only CI must have all of them."""
    if path is not None and Path(path).exists():
        return Path(path)
    missing = f"{what} is not on this machine; `make test` installs it where that is allowed"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's browser."""
    return _present(shutil.which("chromium"), "chromium")


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script of axe-core, which finds faults of a page for those who cannot see it."""
    return _present(Path(sys.prefix) / "axe" / "axe.min.js", "axe-core")


@pytest.fixture(scope="session")
def redis_server() -> Path:
    """Debian's Redis."""
    return _present(shutil.which("redis-server"), "redis-server")


@pytest.fixture(scope="session")
def postgresql() -> Path:
    """The folder of PostgreSQL's programs, the newest that is installed."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda path: float(path.parts[-3]), default=None)
    return _present(newest or shutil.which("initdb"), "postgresql").resolve().parent


@pytest.fixture(scope="session")
def shop() -> tuple[Catalog, RelationGraph]:
    """A hundred products of five types with planted, directed complements between types.

    phone -> case -> screen protector, and camera -> tripod: products of one brand go together, in
    that direction only; products of one type are viewed together. The last product of each type
    has no edges: cold.
    """
    types = ["phone", "case", "screen protector", "camera", "tripod"]
    brands = [f"brand {b}" for b in range(4)]
    frame = pl.DataFrame(
        [
            {
                "product_id": f"{kind}-{i}",
                "type": kind,
                "title": f"{brands[i % 4]} {kind} model {i}",
                "categories": ["electronics", kind],
                "brand": brands[i % 4],
                "price": 10.0 + i,
            }
            for kind in types
            for i in range(20)
        ]
    )
    rng = np.random.default_rng(7)
    first = {kind: 20 * t for t, kind in enumerate(types)}
    edges: list[tuple[int, int, str]] = []
    flows = [("phone", "case"), ("case", "screen protector"), ("camera", "tripod")]
    for source, target in flows:
        edges += [
            (first[source] + i, first[target] + j, "co_purchase")
            for i in range(19)
            for j in range(19)
            if i % 4 == j % 4 and rng.random() < 0.8
        ]
    for start in first.values():
        edges += [
            (start + i, start + j, "co_view")
            for i in range(19)
            for j in range(19)
            if i != j and rng.random() < 0.3
        ]
    return Catalog(frame), RelationGraph.from_edges(len(frame), edges)


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of a small shop on disk: 50 products of five types, baskets and views with times.

    phone -> case -> protector and camera -> tripod are bought in one basket where the numbers in
    their ids agree modulo 3, phones before cases; products of one type are viewed together. The
    last product of each type is in no event: cold.
    """
    folder = tmp_path_factory.mktemp("data") / "small-shop"
    folder.mkdir()
    kinds = ["phone", "case", "protector", "camera", "tripod"]
    pl.DataFrame(
        [
            {
                "product_id": f"{kind}-{i}",
                "title": f"{kind.title()} {i}",
                "type": kind,
                "brand": f"brand {i % 3}",
                "price": 5.0 + i,
            }
            for kind in kinds
            for i in range(10)
        ]
    ).write_csv(folder / "products.csv")
    rng = np.random.default_rng(3)
    start = datetime(2024, 1, 1)
    rows = []
    for visit in range(600):
        when = start + timedelta(hours=6 * visit)
        line = ["phone", "case", "protector"] if visit % 3 else ["camera", "tripod"]
        style = int(rng.integers(3))
        basket = [f"{kind}-{style + 3 * int(rng.integers(3))}" for kind in line]
        seen = [f"{line[0]}-{int(rng.integers(9))}" for _ in range(3)]
        for minute, (event, product) in enumerate(
            [("view", p) for p in seen] + [("purchase", p) for p in basket if rng.random() < 0.9]
        ):
            rows.append(
                {
                    "user_id": f"u{visit % 40}",
                    "session_id": f"s{visit}",
                    "basket_id": f"b{visit}",
                    "product_id": product,
                    "event": event,
                    "timestamp": when + timedelta(minutes=minute),
                }
            )
    pl.DataFrame(rows).write_parquet(folder / "events.parquet")
    return folder


@pytest.fixture(scope="session")
def shop_bundle(shop_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of `shop_folder`, fitted with eight answers a product; not to be changed."""
    from goeswith.data.folder import load_data
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    out = tmp_path_factory.mktemp("bundles") / "shop"
    fit_bundle(load_data(shop_folder), out, Settings(fit=FitSettings(model="cocitation", k=8)))
    return out


@pytest.fixture
def run_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> RunCommand:
    """A function: arguments of `goeswith` -> exit code, stdout, stderr; in this process.

    A process of its own imports for a second what is loaded here.
    """
    from goeswith.cli.main import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["goeswith", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return code, *capsys.readouterr()

    return call


WORDS = """red blue steel phone case charger mug tea kettle shirt sock shoe lace cable for with and
apple pear brush comb soap towel rope tent lamp bulb"""


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a two-layer BERT over a few words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS.split()])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(shape).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def relevance_model(
    shop: tuple[Catalog, RelationGraph],
    tiny_encoder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A judge of the products of `shop`, of the tiny encoder; not to be changed."""
    from goeswith.language.salam.config import SalamConfig
    from goeswith.language.salam.relevance_examples import shop_examples
    from goeswith.language.salam.salam_model import Salam

    config = SalamConfig(
        encoder=str(tiny_encoder), labels="s_c_i", prefix="", dimension=8, heads=2, max_tokens=24
    )
    out = tmp_path_factory.mktemp("relevance") / "judge"
    Salam.fit(shop_examples("shop", *shop, config), config).save(out)
    return out


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Spark session of one thread; tests that ask for it are named as left out where none is."""
    if find_spec("pyspark") is None or shutil.which("java") is None:
        pytest.skip("Spark is left out: it needs pyspark (goeswith[spark]) and a Java on the PATH")
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the one that has goeswith
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("spark")))
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.driver.memory", "1g")
        # of a few rows: planning and compiling would take longer than they do
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.adaptive.enabled", "false")
        .getOrCreate()
    )
    yield session
    session.stop()
