"""New events folded into a bundle, against a fit of all: `python benchmarks/update.py DATA`.

The baskets (or sessions) that begin last, one in twenty of all, are the new events. Both ways come
to the same counts where rare pairs are kept and the votes of a user are not capped; the script says
how many edges differ.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import timeit
from pathlib import Path

import polars as pl

from goeswith.data.folder import load_data
from goeswith.data.tables import READABLE_SUFFIXES
from goeswith.pipeline.fit_bundle import fit_bundle
from goeswith.pipeline.updates.update_bundle import update_bundle
from goeswith.query.bundle import Bundle
from goeswith.relations.config import MiningConfig
from goeswith.relations.graph_files import load_graph
from goeswith.settings.sections import FitSettings, Settings

RESULT = Path(__file__).parent / "results" / "update.json"


def parts(data: Path, folder: Path) -> Path:
    """Folders `all` and `early` of tables, and the table of late events, whose path is returned."""
    events = pl.read_parquet(data / "events.parquet")
    unit = next(name for name in ("basket_id", "session_id") if name in events.columns)
    begun = events.group_by(unit).agg(pl.col("timestamp").min()).sort("timestamp", unit)
    late = pl.col(unit).is_in(begun.tail(begun.height // 20)[unit].implode())
    for name, part in (("all", events), ("early", events.filter(~late))):
        (folder / name).mkdir()
        part.write_parquet(folder / name / "events.parquet")
        # one catalogue, so that rows are the same
        products = [file for end in READABLE_SUFFIXES for file in data.glob(f"products{end}")]
        if products:
            (folder / name / products[0].name).write_bytes(products[0].read_bytes())
        else:
            ids = events.select("product_id").drop_nulls().unique().sort("product_id")
            ids.write_parquet(folder / name / "products.parquet")
    events.filter(late).write_parquet(folder / "late.parquet")
    return folder / "late.parquet"


def seconds(do: object) -> float:
    return round(timeit.timeit(do, number=1), 2)  # type: ignore[arg-type]


def compare(folder: Path, late: Path, *, keep_rare: bool, capped: bool) -> dict[str, object]:
    mining = MiningConfig() if capped else MiningConfig(per_user_cap=10**9)
    settings = Settings(fit=FitSettings(keep_below_support=keep_rare), relations=mining)
    run = f"{keep_rare}-{capped}"
    one, other = folder / f"updated-{run}", folder / f"fitted-{run}"
    fit_bundle(load_data(folder / "early"), one, settings)
    update = seconds(lambda: update_bundle(one, late))
    fit = seconds(lambda: fit_bundle(load_data(folder / "all"), other, settings))
    updated, fitted = Bundle.open(one), Bundle.open(other)
    counted, whole = (load_graph(b.folder / "relations", len(b)) for b in (updated, fitted))
    return {
        "keep_rare": keep_rare,
        "votes_of_a_user_capped": capped,
        "update_seconds": update,
        "fit_seconds": fit,
        "megabytes": round(sum(f["bytes"] for f in updated.manifest["files"].values()) / 1e6, 1),
        "relations": {
            name: {
                "edges": len(relation),
                "edges_that_differ": int((counted[name].count != relation.count).nnz),
                "contexts_differ": counted[name].contexts != relation.contexts,
            }
            for name, relation in whole.relations.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder with events.parquet")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        late = parts(given.data, Path(folder))
        result = {
            "data": given.data.name,
            "late_events": pl.scan_parquet(late).select(pl.len()).collect().item(),
            "runs": [
                compare(Path(folder), late, keep_rare=keep_rare, capped=capped)
                for keep_rare, capped in ((False, True), (True, True), (True, False))
            ],
            "cores": len(os.sched_getaffinity(0)),
            "load_at_the_end": round(os.getloadavg()[0], 1),
        }
    text = json.dumps(result, indent=2)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
