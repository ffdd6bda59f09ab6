"""The table of product kinds measured: tagger, links, shops without a log, judged pairs, speed.

    python benchmarks/kinds.py tagger --titles TITLES.tsv --labels A.tsv B.tsv
    python benchmarks/kinds.py links --judges A.tsv B.tsv
    python benchmarks/kinds.py judged ../shared/data/judged --data DATA
    python benchmarks/kinds.py coverage ../shared/data/judged
    python benchmarks/kinds.py catalogue ../shared/data/magento-catalogue
    python benchmarks/kinds.py bundles ../shared/data
    python benchmarks/kinds.py speed --titles TITLES.tsv

TITLES.tsv has the columns index, shop and title. Labels are lines of an index and the ids of the
kinds that are right, separated by `|`, or `none`; several annotators are a file each, and a kind is
right if one of them has it. Judges are lines of an index and R (right), D (debatable) or W (wrong).
DATA holds a folder of tables for each set of judged pairs. "shown" are the first five of the
complete catalogue; labels of those that no pool held are read from --more. Each command writes its
figures to benchmarks/results/kinds-COMMAND.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.data.catalog import Catalog
from goeswith.kinds.table import VERSION
from goeswith.kinds.table_reader import load_table
from goeswith.kinds.tagger import Tagger
from goeswith.kinds.text_classifier import tag_by_text
from goeswith.models import KindLinks
from goeswith.ranking.knowledge_ranker import KnowledgeRanker
from goeswith.relations.graph import RelationGraph

RESULTS = Path(__file__).parent / "results"
SETS = ("online-retail", "complete-journey", "amazon-office", "bundles-electronic")


def tagger(options: argparse.Namespace) -> dict[str, Any]:
    """Share of titles that get a kind, and how many of these kinds annotators agree with."""
    with options.titles.open(encoding="utf-8", newline="") as lines:
        rows = [(int(i), shop, title) for i, shop, title in csv.reader(lines, delimiter="\t")]
    annotators = [_labels(path) for path in options.labels]
    tags = {}
    for shop in {shop for _, shop, _ in rows}:
        own = [(i, title) for i, of, title in rows if of == shop]
        found = tag_by_text([t for _, t in own], Tagger().tag_many([t for _, t in own]))
        tags.update(zip([i for i, _ in own], found, strict=True))
    counts: dict[str, Counter[str]] = {}
    confusion: Counter[str] = Counter()
    for i, shop, _ in rows:
        right = set().union(*(labels[i] for labels in annotators))
        for key in (shop, "all"):
            counter = counts.setdefault(key, Counter())
            counter["titles"] += 1
            counter["answered"] += tags[i].kind is not None
            counter["right"] += tags[i].kind in right
            counter["right by every annotator"] += all(
                tags[i].kind in labels[i] for labels in annotators
            )
        if tags[i].kind is not None and tags[i].kind not in right:
            confusion[f"{tags[i].kind} for {'|'.join(sorted(right))}"] += 1
    same = sum(len({labels[i][0] for labels in annotators}) == 1 for i, _, _ in rows)
    return {
        "annotators agree": same / len(rows),
        "sets": {
            key: {
                **counter,
                "share answered": counter["answered"] / counter["titles"],
                "accuracy": counter["right"] / max(counter["answered"], 1),
            }
            for key, counter in counts.items()
        },
        "confusion": confusion.most_common(),
    }


def _labels(path: Path) -> dict[int, list[str]]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        index, _, ids = line.partition("\t")
        if ids:
            found[int(index)] = ids.strip().split("|")
    return found


def links(options: argparse.Namespace) -> dict[str, Any]:
    """How many links of a sample judges find wrong or debatable."""
    judges = [_labels(path) for path in options.judges]
    shares = [
        {letter: sum(j[i][0] == letter for i in j) / len(j) for letter in "RDW"} for j in judges
    ]
    same = np.mean([len({j[i][0] for j in judges}) == 1 for i in judges[0]])
    return {"links": len(judges[0]), "judges": shares, "agreement": float(same)}


def judged(options: argparse.Namespace) -> dict[str, Any]:
    """Complements and look-alikes among the first five of each judged pool."""
    from goeswith.data.folder import load_data
    from goeswith.relations.build_graph import build_graph
    from goeswith.relations.relation import CO_PURCHASE

    found: dict[str, Any] = {}
    table_ = load_table()
    for name in SETS:
        pairs = pl.read_parquet(options.folder / f"{name}.parquet")
        data = load_data(options.data / name, max_bad_share=1)
        graph = build_graph(data)
        rows = [data.catalog.rows(pairs[end]) for end in ("source", "target")]
        model = KnowledgeRanker().fit(data.catalog, graph)
        table = model.kinds.score_sparse(np.arange(model.n, dtype=np.int32))
        bought = graph[CO_PURCHASE]
        log = bought.weighted(bought.measure("llr"))
        # what the table excludes comes last, behind what nothing is known of
        codes = model.kinds.codes
        apart = table_.replaces
        kinds = [model.kinds.kind_ids[code] if code >= 0 else None for code in codes.tolist()]
        excluded = np.array(
            [
                bool(kinds[s] and kinds[t] and apart(kinds[s], kinds[t]))
                for s, t in zip(*(end.tolist() for end in rows), strict=True)
            ]
        )
        together = model.score_pairs(*rows)
        scores = {
            "log": np.asarray(log[rows[0], rows[1]]).ravel(),
            "table": np.asarray(table[rows[0], rows[1]]).ravel() - 10 * excluded,
            "both": np.where(np.isfinite(together), together, 0) - 10 * excluded,
        }
        ideal = pairs["complement"].to_numpy()
        found[name] = {
            "pairs": len(pairs),
            "ideal": _shares(pairs, ideal)["complements"],
            **{key: _shares(pairs, score) for key, score in scores.items()},
            "shown": _shown(model, data.catalog, pairs, options.more and options.more / name),
        }
    found["mean"] = {
        key: {
            column: float(np.mean([found[name][key][column] for name in SETS]))
            for column in ("complements", "look-alikes")
        }
        for key in ("log", "table", "both", "shown")
    }
    found["mean"]["ideal"] = float(np.mean([found[name]["ideal"] for name in SETS]))
    return found


def _shown(
    model: Any, catalog: Catalog, pairs: pl.DataFrame, more: Path | None
) -> dict[str, float]:
    """The first five of the complete catalogue; an answer without a label counts as neither."""
    columns = ["source", "target", "complement", "substitute"]
    labelled = pairs.select(columns)
    if more is not None:
        labelled = pl.concat([labelled, pl.read_parquet(f"{more}.parquet").select(columns)])
    labels = {(s, t): (c, a) for s, t, c, a in labelled.iter_rows()}
    sources = pairs["source"].unique(maintain_order=True)
    products, _ = model.recommend(catalog.rows(sources), 5)
    ids = catalog.ids.to_list()
    found = [
        labels.get((source, ids[target]))
        for source, row in zip(sources, products.tolist(), strict=True)
        for target in row
        if target >= 0
    ]
    places = 5 * len(sources)
    return {
        "complements": sum(label[0] for label in found if label) / places,
        "look-alikes": sum(label[1] for label in found if label) / places,
        "labelled": sum(label is not None for label in found) / places,
    }


def _shares(pairs: pl.DataFrame, scores: Any) -> dict[str, float]:
    """Share of complements and of substitutes among the first five, mean over sources."""
    scored = pairs.with_columns(score=pl.Series(scores)).sort(
        "score", descending=True, maintain_order=True, nulls_last=True
    )
    first = scored.group_by("source", maintain_order=True).head(5)
    places = 5 * pairs["source"].n_unique()
    return {
        "complements": float(first["complement"].sum() / places),
        "look-alikes": float(first["substitute"].sum() / places),
    }


def catalogue(options: argparse.Namespace) -> dict[str, Any]:
    """Cross-sells that people set in a catalogue without a log, found by the table alone."""
    from goeswith.data.clean import clean_products
    from goeswith.data.quarantine import ROW, Quarantine

    frame = pl.read_parquet(options.folder / "products.parquet").with_row_index(ROW, offset=1)
    catalog: Catalog = clean_products(frame, "products", Quarantine())
    cross = pl.read_parquet(options.folder / "links.parquet").filter(pl.col("kind") == "crosssell")
    model = KindLinks().fit(catalog, RelationGraph(len(catalog), {}))
    source, target = catalog.rows(cross["source"]), catalog.rows(cross["target"])
    sources = np.unique(source[source >= 0])
    products, _ = model.recommend(sources, 10)
    scores = model.score(sources)
    scores[~np.isfinite(scores)] = 0
    hits, areas = [], []
    for row, one, score in zip(sources.tolist(), products, scores, strict=True):
        right = np.zeros(len(catalog), dtype=bool)
        right[target[source == row]] = True
        hits.append(right[one[one >= 0]].any())
        others = ~right
        others[row] = False
        more = score[right][:, None] - score[others][None]
        areas.append(float((more > 0).mean() + (more == 0).mean() / 2))
    return {
        "sources": len(sources),
        "tagged": float((model.codes >= 0).mean()),
        "hit@10": float(np.mean(hits)),
        "auc": float(np.mean(areas)),
    }


def coverage(options: argparse.Namespace) -> dict[str, Any]:
    """How many judged complements the table links, and how many linked pairs are complements."""
    table, tagger_, found = load_table(), Tagger(), {}
    for name in SETS:
        pairs = pl.read_parquet(options.folder / f"{name}.parquet")
        kinds = [
            [tag.kind for tag in tag_by_text(titles, tagger_.tag_many(titles))]
            for titles in (pairs["source_title"].to_list(), pairs["target_title"].to_list())
        ]
        linked = np.array(
            [bool(s and t and table.link(s, t)) for s, t in zip(*kinds, strict=True)], dtype=bool
        )
        is_complement = pairs["complement"].to_numpy() > 0.5
        found[name] = {
            "complements": int(is_complement.sum()),
            "linked complements": float(linked[is_complement].mean()),
            "linked pairs": int(linked.sum()),
            "precision of linked pairs": float(is_complement[linked].mean()),
        }
    return found


def bundles(options: argparse.Namespace) -> dict[str, Any]:
    """AUC of pairs of different types that people bundled, against the others of their sessions.

    Without the log: by the table, and by the cosine of the titles.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import roc_auc_score

    from goeswith.data.folder import load_data

    found = {}
    for name in ("bundles-electronic", "bundles-clothing"):
        data = load_data(options.folder / name, max_bad_share=1)
        catalog = data.catalog
        model = KindLinks().fit(catalog, RelationGraph(len(catalog), {}))
        words = TfidfVectorizer().fit_transform(
            [title or "" for title in catalog.text("title") or []]
        )
        assert data.bundles is not None
        assert data.sessions is not None
        together = {
            pair
            for _, rows in data.bundles.group_by("bundle_id")
            for pair in _pairs(rows["product"].to_list())
        }
        pairs = {
            pair
            for _, rows in data.sessions.group_by("session_id")
            for pair in _pairs(rows["product"].to_list())
        } | together
        codes = model.codes
        chosen = np.array(
            sorted(
                (i, j) for i, j in pairs if codes[i] != codes[j] and min(codes[i], codes[j]) >= 0
            )
        )
        truth = np.array([tuple(pair) in together for pair in chosen.tolist()])
        ends = chosen.T.astype(np.int32)
        scores = [
            np.nan_to_num(model.score_pairs(*order), neginf=0) for order in (ends, ends[::-1])
        ]
        similar = np.asarray(words[ends[0]].multiply(words[ends[1]]).sum(axis=1)).ravel()
        found[name] = {
            "pairs": len(chosen),
            "bundled": int(truth.sum()),
            "auc of the table": float(roc_auc_score(truth, np.maximum(*scores))),
            "auc of title similarity": float(roc_auc_score(truth, similar)),
        }
    return found


def _pairs(products: list[int]) -> set[tuple[int, int]]:
    distinct = sorted(set(products))
    return {(i, j) for place, i in enumerate(distinct) for j in distinct[place + 1 :]}


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Processor time and memory of tagging a million titles, none of them twice."""
    with options.titles.open(encoding="utf-8", newline="") as lines:
        titles = [title for *_, title in csv.reader(lines, delimiter="\t")]
    million = [f"{titles[i % len(titles)]} {i}" for i in range(1_000_000)]
    found = Tagger()
    before = time.process_time()
    tagged = sum(found.tag(title).kind is not None for title in million)
    table = load_table()
    files = Path(__file__).parents[1] / "src" / "goeswith" / "kinds" / "table"
    return {
        "titles": len(million),
        "tagged": tagged,
        "processor seconds": time.process_time() - before,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "kinds": sum(not kind.group for kind in table.kinds.values()),
        "links": sum(map(len, table.links.values())),
        "table MiB": sum(file.stat().st_size for file in files.rglob("*.csv")) / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for function in (tagger, links, judged, coverage, catalogue, bundles, speed):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        if function in (judged, coverage, catalogue, bundles):
            command.add_argument("folder", type=Path)
        if function is judged:
            command.add_argument("--data", type=Path, required=True)
            command.add_argument("--more", type=Path, help="labels of further pairs, a table a set")
        if function in (tagger, speed):
            command.add_argument("--titles", type=Path, required=True)
        if function is tagger:
            command.add_argument("--labels", type=Path, nargs="+", required=True)
        if function is links:
            command.add_argument("--judges", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    figures = {"table": VERSION, **options.run(options)}
    write_json(figures, RESULTS / f"kinds-{options.command}.json")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
