"""Tables of benchmarks/eccr.py, from what its stages left: benchmarks/results/eccr-*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from eccr_data import Split, read, split
from eccr_prepare import CHARACTERS
from eccr_train import EVERY, MAIN, VARIANTS, some_lists
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.metrics import PerSource
from goeswith.language.eccr.candidate_lists import KINDS, candidate_list_metrics
from goeswith.language.salam.judge import PAIR_CLASSES
from goeswith.ranking.rerank import rerank_positions
from goeswith.text.hostile_text import find_hostile
from goeswith.text.product_text import clean_text
from strategic_text import STRATEGIC, rank_rise

RESULTS = Path(__file__).parent / "results"
BASELINES = (
    "text similarity",
    "rules",
    "copurchase",
    "similar_complements",
    "p_companion",
    "daemon",
    "ranker",
)
WEIGHT, REACH = 0.5, 5


class Found:
    """What all stages left; `runs` maps (case, variant) to arrays and facts of each run."""

    def __init__(self, work: Path, results: Path, cases: list[str]) -> None:
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        for file in sorted(results.glob("*.json")):
            facts = json.loads(file.read_text(encoding="utf-8"))
            arrays = dict(np.load(file.with_suffix(".npz")))
            self.runs[facts["case"], facts["variant"]] = {"facts": facts, **arrays}
        self.kept = {case: np.load(work / f"{case}-kept.npz") for case in cases}
        self.case = {case: np.load(work / f"{case}.npz") for case in cases}
        self.about = {
            case: json.loads((work / f"{case}.json").read_text(encoding="utf-8")) for case in cases
        }
        judged = {case: work / f"{case}-judged.npz" for case in cases}
        self.judged = {case: np.load(file) for case, file in judged.items() if file.exists()}

    def rows(self, case: str, part: str) -> np.ndarray:
        """Which lists of a part the runs were asked, or would have been."""
        for (of, _), run in self.runs.items():
            if of == case and f"{part}_rows" in run:
                rows: np.ndarray = run[f"{part}_rows"]
                return rows
        most = {run["facts"]["size"]["lists"] for run in self.runs.values()}
        return some_lists(self.case[case][f"{part}_sources"], max(most, default=EVERY))

    def scores(self, case: str, model: str, part: str) -> np.ndarray | None:
        """(m, 21) of the lists asked, by a baseline or a variant; none where it was not run."""
        key, rows = f"{part}|{model}", self.rows(case, part)
        if key in self.kept[case].files:
            found: np.ndarray = self.kept[case][key][rows]
            return found
        run = self.runs.get((case, model), {})
        assert part not in run or (run[f"{part}_rows"] == rows).all()
        return run.get(part)

    def shown(self, case: str) -> int:
        """Test sources whose slates are looked at: those that the whole model re-ranked."""
        run = self.runs.get((case, "whole"), self.case[case])
        return len(run["slates"])


def report(
    work: Path, packed: Path, results: Path, cases: list[str], *, data: Path, models: Path
) -> None:
    """Everything that there are results for."""
    found = Found(work, results, cases)
    names = sorted({case.rpartition("-")[0] for case in cases})
    of_all = ("device", "threads", "torch", "transformers", "size", "reference")
    every = [run["facts"] for run in found.runs.values()]
    tables = {
        "command": "python benchmarks/eccr.py prepare | pack | train | report",
        "trained": {k: every[0][k] for k in of_all} if every else {},
        "runs": {
            f"{f['case']}, {f['variant']}": {k: v for k, v in f.items() if k not in of_all}
            for f in every
        },
        "data": found.about,
        "lists": {name: lists_table(found, name, cases, "test") for name in names},
        "human_lists": {
            name: lists_table(found, name, cases, "human")
            for name in names
            if name.startswith("bundles")
        },
    }
    _write("eccr-lists", tables)
    splits = {case: split(read(data / case.rpartition("-")[0]), int(case[-1])) for case in cases}
    coherent = {name: coherent_table(found, name, splits) for name in names}
    _write("eccr-coherent", {"command": tables["command"], "top": 5, "data": coherent})
    attacked = {case: hostile_table(found, case) for case in cases}
    attacked = {case: table for case, table in attacked.items() if table}
    flagged = {key: [kind for kind, _ in find_hostile(text)] for key, text in STRATEGIC.items()}
    _write(
        "eccr-hostile",
        {"command": tables["command"], "texts": STRATEGIC, "flagged": flagged, "data": attacked},
    )
    generated = {case: generation_table(found, case, splits[case]) for case in cases}
    generated = {case: table for case, table in generated.items() if table}
    _write("eccr-generation", {"command": tables["command"], "data": generated})
    said = explanations(found, data, models, packed, cases)
    if said:
        _write("eccr-explanations", {"command": tables["command"], **said})


def _write(name: str, table: dict[str, Any]) -> None:
    text = json.dumps(table, indent=1, default=float)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"results/{name}.json")


def lists_table(found: Found, name: str, cases: list[str], part: str) -> dict[str, Any]:
    """Model -> HR@5 and NDCG@5, mean over the seeds it ran with; comparisons of the whole model."""
    here = [case for case in cases if case.rpartition("-")[0] == name]
    table: dict[str, Any] = {"lists": [len(found.rows(c, part)) for c in here]}
    parts: dict[str, dict[str, PerSource]] = {}
    for model in (*BASELINES, "untuned", *VARIANTS):
        per_seed: dict[str, list[float]] = {"hr@5": [], "ndcg@5": []}
        parts[model] = {}
        for case in here:
            scores = found.scores(case, model, part)
            if scores is None:
                continue
            sources = found.case[case][f"{part}_sources"][found.rows(case, part)]
            by_list = candidate_list_metrics(scores)
            for metric, values in by_list.items():
                per_seed[metric].append(_by_source(sources, values))
            parts[model][case] = _per_source(sources, by_list["ndcg@5"])
        if per_seed["hr@5"]:
            table[model] = {
                metric: {"mean": np.mean(v), "std": np.std(v), "per_seed": v}
                for metric, v in per_seed.items()
            }
    if "whole" in table:
        table["compared"] = {
            f"whole less {other}": _compared(parts["whole"], parts[other])
            for other in (*MAIN[1:], "daemon tokens", "no defence", *BASELINES)
            if parts[other]
        }
        table["beaten_by"] = _beaten_by(found, here, part)
    return table


def _by_source(sources: np.ndarray, values: np.ndarray) -> float:
    """Mean over sources of the mean over a source's lists."""
    _, row = np.unique(sources, return_inverse=True)
    return float((np.bincount(row, values) / np.bincount(row)).mean())


def _per_source(sources: np.ndarray, values: np.ndarray) -> PerSource:
    every, row = np.unique(sources, return_inverse=True)
    return PerSource(every, np.bincount(row, values) / np.bincount(row), np.ones(len(every)))


def _compared(one: dict[str, PerSource], other: dict[str, PerSource]) -> dict[str, Any]:
    """Paired bootstrap of NDCG@5 over sources, in the seeds that both ran with."""
    both = [case for case in one if case in other]

    def joined(parts: dict[str, PerSource]) -> PerSource:
        # a source of another split is another question
        sources = [parts[c].sources + 1_000_000 * i for i, c in enumerate(both)]
        totals = np.concatenate([parts[c].totals for c in both])
        return PerSource(np.concatenate(sources), totals, np.ones(len(totals)))

    return vars(paired_bootstrap(joined(one), joined(other))) | {"seeds": len(both)}


def _beaten_by(found: Found, here: list[str], part: str) -> dict[str, float]:
    """Kind -> share of its negatives that the whole model puts above the complement."""
    above, count = np.zeros(len(KINDS)), np.zeros(len(KINDS))
    for case in here:
        scores = found.scores(case, "whole", part)
        if scores is not None:
            kinds = found.case[case][f"{part}_kinds"][found.rows(case, part)]
            np.add.at(above, kinds.ravel(), (scores > scores[:, :1]).ravel())
            np.add.at(count, kinds.ravel(), 1)
    return {k: above[i] / count[i] for i, k in enumerate(KINDS) if i and count[i]}


def top_five(found: Found, case: str, model: str) -> np.ndarray | None:
    """(q, 5) what a model shows for the test sources that are looked at."""
    if model.startswith("re-ranked"):
        opinions = found.runs.get((case, "whole"), {}).get("slates")
        if opinions is None:
            return None
        slates = found.case[case]["slates"][: len(opinions), : opinions.shape[1]]
        opinions = np.where(slates >= 0, opinions, -np.inf)
        own = model.endswith("alone")
        order = rerank_positions(
            opinions, weight=1.0 if own else WEIGHT, max_shift=None if own else REACH
        )
        return np.take_along_axis(slates, order, axis=1)[:, :5]
    top: np.ndarray = found.kept[case][f"top|{model}"]
    return top[: found.shown(case), :5]


def judge_shares(judged: Any, source: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Shares of pairs by the likeliest class, of the sources that the relation judge was asked."""
    pairs = zip(judged["source"].tolist(), judged["target"].tolist(), strict=True)
    said = dict(zip(pairs, judged["said"].argmax(axis=1).tolist(), strict=True))
    judged_sources = set(judged["source"].tolist())
    shown = zip(source.tolist(), target.tolist(), strict=True)
    classes = [said.get(pair) for pair in shown if pair[0] in judged_sources]
    if not classes or None in classes:
        return {}
    shares = np.bincount(np.array(classes, dtype=np.int64), minlength=len(PAIR_CLASSES)) / len(
        classes
    )
    return {f"judge_{name}": float(s) for name, s in zip(PAIR_CLASSES, shares, strict=True)}


def coherent_table(found: Found, name: str, splits: dict[str, Split]) -> dict[str, Any]:
    """Model -> shares of its top 5 that each judge calls coherent, mean over seeds."""
    table: dict[str, Any] = {}
    shown = ("raw co-purchase", "p_companion", "daemon", "ranker")
    tuned = any((case, "whole") in found.runs for case in splits if case.startswith(name))
    for model in (*shown, "re-ranked", "re-ranked by the model alone"):
        rows: dict[str, list[float]] = {}
        for case, parts in splits.items():
            if case.rpartition("-")[0] != name or (tuned and (case, "whole") not in found.runs):
                continue  # every row is of the same seeds
            top = top_five(found, case, model)
            if top is None:
                continue
            queries = found.case[case]["slate_sources"][: len(top)]
            source, target = np.repeat(queries, top.shape[1]), top.ravel()
            there = target >= 0
            source, target = source[there], target[there]
            codes = parts.pairs.catalog.type_codes
            two = codes[source] != codes[target]
            coherent = parts.rules.coherent(source, target)
            found_here = {
                "shown": there.mean() * top.shape[1],
                "rules": (coherent & two).mean(),
                "relevant": (parts.rules.relevant(source, target) & two).mean(),
                "compatible": (parts.rules.compatible(source, target) & two).mean(),
                "same_type": (~two).mean(),
            }
            if parts.pairs.bundled is not None:
                n = len(codes)
                yes = parts.pairs.bundled[0] * n + parts.pairs.bundled[1]
                seen = parts.pairs.raw[0] * n + parts.pairs.raw[1]
                keys = source.astype(np.int64) * n + target
                found_here["bundled"] = np.isin(keys, yes).mean()
                known = np.isin(keys, seen)
                found_here["judged"] = known.mean()
                if known.any():
                    found_here["bundled_of_judged"] = np.isin(keys[known], yes).mean()
            if case in found.yes_no:
                found_here |= judge_shares(found.yes_no[case], source, target)
            for key, value in found_here.items():
                rows.setdefault(key, []).append(float(value))
        if rows:
            table[model] = {k: {"mean": np.mean(v), "per_seed": v} for k, v in rows.items()}
    return table


def hostile_table(found: Found, case: str) -> dict[str, Any]:
    """How far products move in slates of ten, by each strategic text and defence."""
    table: dict[str, Any] = {}
    for variant in ("whole", "no defence"):
        run = found.runs.get((case, variant), {})
        if "attack|slates" not in run:
            continue
        plain, prior = run["attack|slates"], run["attack|prior"]
        place = found.case[case]["attack_place"][: len(plain)]
        for key, attacked in run.items():
            parts = key.removeprefix("attack|").split("|")
            if not key.startswith("attack|") or len(parts) != 3:
                continue
            weight, how, text = parts
            slate = plain - float(weight[1:]) * prior
            table[f"{variant}|prior {weight[1:]}|{how}|{text}"] = {
                "by_score": _moves(rank_rise(slate, place, attacked)),
                "re-ranked": _moves(_rise(slate, place, attacked)),
            }
    return table


def _rise(slate: np.ndarray, place: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """(m,) places risen in the slate as it is shown: weight and reach as by default."""
    rows = np.arange(len(slate))
    after = slate.copy()
    after[rows, place] = attacked
    places = [
        (rerank_positions(s, weight=WEIGHT, max_shift=REACH) == place[:, None]).argmax(axis=1)
        for s in (slate, after)
    ]
    return places[0] - places[1]


def _moves(rise: np.ndarray) -> dict[str, float]:
    return {
        "median": float(np.median(rise)),
        "median_absolute": float(np.median(np.abs(rise))),
        "mean": float(rise.mean()),
        "p90": float(np.quantile(rise, 0.9)),
        "at_most_one": float((np.abs(rise) <= 1).mean()),
        "risen_more_than_one": float((rise > 1).mean()),
        "products": len(rise),
    }


def generation_table(found: Found, case: str, parts: Split) -> dict[str, Any] | None:
    """Of ten generated products a source: in the catalogue, distinct, complements held out."""
    made = found.runs.get((case, "whole"), {}).get("generated")
    if made is None:
        return None
    queries = found.case[case]["slate_sources"][: len(made)]
    shown = found.case[case]["slates"][: len(made), :10]
    n = len(parts.pairs.catalog)
    u, v = parts.pairs.complements
    keys = queries[:, None].astype(np.int64) * n + made
    hits = np.isin(keys, u * n + v) & (made >= 0)
    codes = parts.pairs.catalog.type_codes
    return {
        "sources": len(queries),
        "in_catalogue": float(((made >= 0) & (made < n)).mean()),
        "distinct": float(np.mean([len(set(row)) / len(row) for row in made.tolist()])),
        "sources_hit@10": float(hits.any(axis=1).mean()),
        "ranker_sources_hit@10": float(
            np.isin(queries[:, None].astype(np.int64) * n + shown, u * n + v).any(axis=1).mean()
        ),
        "coherent": float(
            (
                parts.rules.coherent(np.repeat(queries, made.shape[1]), made.ravel())
                & (codes[np.repeat(queries, made.shape[1])] != codes[made.ravel()])
            ).mean()
        ),
    }


def explanations(
    found: Found, data: Path, models: Path, packed: Path, cases: list[str]
) -> dict[str, Any]:
    """BLEU and ROUGE of held-out intentions, by the whole model of each case and untuned."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(models / "flan-t5-small"))
    vocabulary = np.load(packed / "vocabulary.npz")["kept"]
    frame = pl.read_parquet(data / "intentions" / "explanations.parquet")
    rows = np.load(packed / "shared.npz")["test_rows"]
    tested = frame[rows.astype(np.int64)]
    references: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], int] = {}
    for place, row in enumerate(tested.iter_rows(named=True)):
        key = (row["source"], row["target"])
        references.setdefault(key, []).append(clean_text(row["explanation"], CHARACTERS))
        first.setdefault(key, place)
    said: dict[str, list[str]] = {}
    for (case, variant), run in found.runs.items():
        if "explanations" in run:
            texts = [vocabulary[row[row > 1]].tolist() for row in run["explanations"]]
            said[f"{case}, {variant}"] = [tokenizer.decode(texts[i]) for i in first.values()]
    if not said:
        return {}
    from text_metrics import bleu_4, rouge

    wanted = list(references.values())
    return {
        "pairs": len(wanted),
        "results": {k: {"bleu_4": bleu_4(v, wanted), **rouge(v, wanted)} for k, v in said.items()},
        "examples": {k: v[:10] for k, v in list(said.items())[:2]},
    }
