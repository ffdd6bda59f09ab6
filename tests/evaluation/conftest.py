"""Models that say what a test tells them to, and data sets made by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import goeswith.models
from goeswith.core.errors import ConfigError
from goeswith.data.dataset import Dataset
from goeswith.data.quarantine import Quarantine
from goeswith.models.base import ModelConfig, Recommender


class TableModel(Recommender):
    """Scores are the rows of a table."""

    name = "table"

    def __init__(self, table):
        super().__init__()
        self.table = np.asarray(table, dtype=np.float32)

    def fit(self, catalog, graph):
        return self

    def score(self, sources):
        return self.table[sources].copy()

    def arrays(self):
        return {"table": self.table}

    def restore(self, arrays):
        self.table = arrays["table"]

    @property
    def n(self):
        return len(self.table)

    @property
    def block(self):
        return 7


class Walk(TableModel):
    """Three steps in train: forth, back, forth."""

    name = "walk"

    def __init__(self, config=None):
        Recommender.__init__(self, config)

    def fit(self, catalog, graph):
        steps = graph.complements.count.toarray()
        self.table = steps @ steps.T @ steps
        return self


class RandomModel(Walk):
    """Random scores, by its seed."""

    name = "random"

    class Config(ModelConfig):
        seed: int = 0

    fits = 0

    def fit(self, catalog, graph):
        type(self).fits += 1
        self.table = np.random.default_rng(self.config.seed).random((graph.n, graph.n), np.float32)
        return self


class Seedless(Walk):
    """The same, and a count of how often it was fitted."""

    name = "seedless"
    fits = 0

    def fit(self, catalog, graph):
        type(self).fits += 1
        return super().fit(catalog, graph)


class Refuses(Walk):
    """Never fits."""

    name = "refuses"

    def fit(self, catalog, graph):
        raise ConfigError(f"refuses takes at most 10 products, not {graph.n}")


@pytest.fixture
def table_model():
    return TableModel


@pytest.fixture
def fakes(monkeypatch):
    """Registers the models walk, random, seedless and refuses; returns their module."""
    kinds = [Walk, RandomModel, Seedless, Refuses]
    module = SimpleNamespace(**{kind.__name__: kind for kind in kinds})
    monkeypatch.setitem(sys.modules, "goeswith.models.fakes", module)
    for kind in kinds:
        where = f"goeswith.models.fakes:{kind.__name__}"
        monkeypatch.setitem(goeswith.models._WHERE, kind.name, where)
        if hasattr(kind, "fits"):
            monkeypatch.setattr(kind, "fits", 0)
    return module


@pytest.fixture(scope="session")
def make_dataset():
    """A function: catalogue and tables -> Dataset."""

    def make(catalog, **tables):
        names = ("events", "relations", "sessions", "bundles", "test")
        return Dataset(
            name="by hand",
            folder=Path("by-hand"),
            catalog=catalog,
            quarantine=Quarantine(),
            fingerprint="0",
            **{name: tables.get(name) for name in names},
        )

    return make


@pytest.fixture(scope="session")
def listed(shop, make_dataset):
    """The shop of the tests as relation lists."""
    catalog, graph = shop
    frames = [
        pl.DataFrame({"source": relation.sources, "target": relation.targets}).with_columns(
            relation=pl.lit(name)
        )
        for name, relation in graph.relations.items()
    ]
    return make_dataset(catalog, relations=pl.concat(frames))


@pytest.fixture(scope="session")
def logged(shop, make_dataset):
    """A shop with baskets in time: phone and case go together before and after, with noise."""
    catalog, _ = shop
    rng = np.random.default_rng(5)
    lines = []
    for basket in range(1200):
        # every phone has its case; in the last fifth the tripod of a camera is new
        kind, other = (0, 20) if basket < 960 or basket % 2 else (60, 80)
        first = int(rng.integers(6))
        products = [kind + first, other + first, int(rng.integers(100))]
        lines += [(product, f"b{basket}", basket) for product in dict.fromkeys(products)]
    events = pl.DataFrame(lines, schema=["product", "basket_id", "minute"], orient="row")
    start = pl.datetime(2024, 1, 1)
    return make_dataset(
        catalog,
        events=events.select(
            pl.col("product").cast(pl.Int32),
            "basket_id",
            pl.lit("purchase").alias("event"),
            (start + pl.duration(minutes=pl.col("minute"))).alias("timestamp"),
        ),
    )


@pytest.fixture(scope="session")
def judged(shop, make_dataset):
    """Sessions of four products, two of which people bundled."""
    catalog, _ = shop
    rng = np.random.default_rng(6)
    sessions, bundles = [], []
    for s in range(60):
        seen = rng.choice(100, size=4, replace=False)
        sessions += [(f"s{s}", int(product)) for product in seen]
        if s % 6:
            bundles += [(f"b{s}", f"s{s}", int(product)) for product in seen[:2]]
    return make_dataset(
        catalog,
        sessions=pl.DataFrame(sessions, schema=["session_id", "product"], orient="row").cast(
            {"product": pl.Int32}
        ),
        bundles=pl.DataFrame(
            bundles, schema=["bundle_id", "session_id", "product"], orient="row"
        ).cast({"product": pl.Int32}),
    )
