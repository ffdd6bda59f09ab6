"""Small bundles for `bundle_mutations.py`: the default model, and every other model together."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from goeswith import Dataset

TYPES: Final = ("phone", "case", "charger", "camera", "tripod")
CLOSED: Final = (
    "cocitation", "katz", "ease", "slim", "projection", "copurchase", "kinds",
    "attribute_similarity", "similar_complements", "type_popularity", "popularity",
)  # fmt: skip


def shop(folder: Path, products: int) -> Dataset:
    """Views and purchases of shoppers, of `products` products of each type."""
    import numpy as np
    import polars as pl

    from goeswith import load_data

    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    pl.DataFrame(
        [
            {"product_id": f"{t}-{i}", "title": f"{t} {i} of steel", "type": t, "price": 5.0 + i}
            for t in TYPES
            for i in range(products)
        ]
    ).write_csv(folder / "products.csv")
    rows = []
    for visit in range(700):
        style, line = int(rng.integers(4)), TYPES[:3] if visit % 3 else TYPES[3:]
        for minute, (event, t) in enumerate(
            [("view", line[0])] * 2 + [("purchase", t) for t in line]
        ):
            product = f"{t}-{(style + 4 * int(rng.integers(3))) % (products - 1)}"
            when = f"2024-{1 + visit // 60:02d}-{1 + visit % 28:02d}T00:{minute:02d}:00Z"
            rows.append((f"u{visit % 90}", f"s{visit}", f"b{visit}", product, event, when))
    names = ["user_id", "session_id", "basket_id", "product_id", "event", "timestamp"]
    pl.DataFrame(rows, schema=names, orient="row").write_csv(folder / "events.csv")
    return load_data(folder)


def default_bundle(folder: Path, products: int = 6) -> Path:
    """The ranker, kinds, a session model, histories of shoppers, fallbacks and explanations."""
    from goeswith.pipeline.explanation_writer import explain_bundle

    fit = {
        "model": "ranker:trees=20", "k": 8, "session_model": "mixture",
        "shopper_model": "gp_topfreq",
    }  # fmt: skip
    out = _fit(folder, products, fit)
    explain_bundle(out)
    return out


def bundle_of_models(folder: Path, products: int = 4) -> Path:
    """A model of baskets, and every other model as a fallback; those of torch if it is there."""
    from goeswith.models import TRAINED

    fallbacks = [*CLOSED]
    if importlib.util.find_spec("torch") is not None:
        fallbacks += [f"{name}:max_epochs=1" for name in TRAINED]
    fit = {
        "model": "knowledge_ranker", "fallbacks": fallbacks, "k": 8, "session_model": "session_knn",
        "shopper_model": "shopper_ranker",
    }  # fmt: skip
    return _fit(folder, products, fit)


def _fit(folder: Path, products: int, fit: dict[str, Any]) -> Path:
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import FitSettings, Settings

    out = folder / "bundle"
    fit_bundle(shop(folder / "shop", products), out, Settings(fit=FitSettings(**fit)))
    return out


SOURCES: Final[dict[str, Callable[[Path], Path]]] = {
    "default": default_bundle,
    "models": bundle_of_models,
}
