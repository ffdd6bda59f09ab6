"""Complements for each shopper beside those for all: `python benchmarks/personal_complements.py D`.

A bundle is fitted without the last basket of every shopper. Of the last basket of a sample, one
product is given and the rest is to be found among ten complements. `new` counts only products that
the shopper did not buy before. With `--earlier`, the last baskets are dropped and those before them
are held out: on these, constants were chosen.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.data.dataset import Dataset
from goeswith.data.folder import load_data
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.query.bundle import Bundle
from goeswith.settings.sections import FitSettings, Settings
from goeswith.shoppers.histories import Histories, histories_from_events

K: Final = 10
_RESAMPLES: Final = 1000


def dataset_of(histories: Histories, catalog: pl.DataFrame, ids: list[str]) -> Dataset:
    """The purchases of histories as events."""
    sizes = np.diff(histories.baskets.indptr)
    columns: dict[str, Any] = {
        "user_id": np.repeat(histories.shopper_index, sizes).astype(str),
        "basket_id": np.repeat(np.arange(len(sizes)), sizes).astype(str),
        "product_id": [ids[row] for row in histories.baskets.indices],
        "event": "purchase",
    }
    if histories.seconds is None:
        columns["position"] = np.repeat(np.arange(len(sizes)), sizes)
    else:
        columns["timestamp"] = (
            np.repeat(histories.seconds, sizes).astype("datetime64[s]").astype("datetime64[us]")
        )
    return Dataset.from_frames(events=pl.DataFrame(columns), products=catalog)


def slates(bundle: Bundle, plain: Bundle) -> dict[str, Callable[[str, str, list[str]], list[str]]]:
    """Name -> the products shown, from the product, the shopper and what she bought."""

    def ids(found: Any) -> list[str]:
        return [one.product_id for one in found]

    def without_owned(product: str, _: str, own: list[str]) -> list[str]:
        return [one for one in ids(bundle.lookup(product, bundle.k)) if one not in own][:K]

    return {
        "for all": lambda product, _, __: ids(bundle.lookup(product, K)),
        "for all, without owned": without_owned,
        "personal": lambda product, user, _: ids(bundle.complements(product, K, user=user)),
        "personal, without owned": lambda product, user, _: ids(
            bundle.complements(product, K, user=user, repeats="none")
        ),
        "personal, without owned, no histories in the bundle": lambda product, _, own: ids(
            plain.complements(product, K, history=own[-500:], repeats="none")
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of tables with purchases of users")
    parser.add_argument("--shoppers", type=int, default=2500, help="sampled, at most")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--earlier", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path, help="where the bundle is, or is stored")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    data = load_data(given.data)
    assert data.events is not None
    names = data.catalog.ids.to_list()
    histories, _ = histories_from_events(data.events, len(names))
    if given.earlier:
        histories = histories.split_last()[0]
    earlier, shoppers, baskets = histories.split_last()
    path = given.bundle or Path(tempfile.mkdtemp()) / "bundle"
    if not (path / "manifest.json").exists():
        fitted = FitSettings(
            model=given.model, session_model="none", shopper_model="gp_topfreq:tune=false"
        )
        fit_bundle(dataset_of(earlier, data.catalog.frame, names), path, Settings(fit=fitted))
    bundle, plain = Bundle.open(path), Bundle.open(path)
    plain.online = False
    rng = np.random.default_rng(given.seed)
    several = np.flatnonzero(np.diff(baskets.indptr) > 1)
    drawn = np.sort(rng.permutation(several)[: given.shoppers])
    shown = slates(bundle, plain)
    hits = np.zeros((len(shown), 2, len(drawn)))
    has_new = np.zeros(len(drawn), dtype=bool)
    counts = earlier.counts
    for i, test in enumerate(drawn.tolist()):
        rows = baskets.indices[baskets.indptr[test] : baskets.indptr[test + 1]]
        source = int(rng.choice(rows))
        own = {names[row] for row in counts[shoppers[test]].indices}
        rest = {names[row] for row in rows if row != source}
        has_new[i] = bool(rest - own)
        for j, slate in enumerate(shown.values()):
            found = set(slate(names[source], str(shoppers[test]), sorted(own)))
            hits[j, :, i] = bool(found & rest), bool(found & (rest - own))
    results = []
    resample = rng.integers(has_new.sum(), size=(_RESAMPLES, int(has_new.sum())))
    base = hits[0, 1, has_new]
    for name, (every, new) in zip(shown, hits, strict=True):
        ratios = new[has_new][resample].mean(axis=1) / base[resample].mean(axis=1)
        row = {
            "slate": name,
            "attach@10": round(float(every.mean()), 4),
            "attach@10.new": round(float(new[has_new].mean()), 4),
            "new, against for all": round(float(new[has_new].mean() / base.mean()), 3),
            "95 % interval": [round(float(x), 3) for x in np.quantile(ratios, [0.025, 0.975])],
        }
        print(row, flush=True)
        results.append(row)
    about = {"data": data.name, "model": bundle.models[0], "earlier": given.earlier}
    summary = {**about, "seed": given.seed, "tests": len(drawn), "results": results}
    if given.out is not None:
        write_json(summary, given.out)


if __name__ == "__main__":
    main()
