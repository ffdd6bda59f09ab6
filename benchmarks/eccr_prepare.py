"""The part of benchmarks/eccr.py that needs no language model: cases, baselines, what travels."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from eccr_codes import code_report
from eccr_data import DATA, NEGATIVES, PARTS, Split, read, split
from eccr_shrink import shrink
from goeswith.data.catalog import Catalog
from goeswith.features.product_vectors import SentenceVectors
from goeswith.features.semantic_codes import collision_rate
from goeswith.language.eccr.candidate_lists import candidate_list_metrics
from goeswith.language.eccr.item_tokens import CodeSettings, make_distinct, quantise
from goeswith.language.eccr.prompts import ONE_TASKS, PAIR_TASKS, TITLE_TOKENS, RaggedIds
from goeswith.language.eccr.strategic_texts import STRATEGIC_TRAINING_TEXTS
from goeswith.models import make_model
from goeswith.models.base import Recommender
from goeswith.text.product_text import clean_text
from strategic_text import STRATEGIC

CHARACTERS = 160
CANDIDATES = 20
ATTACKED = 150
REFERENCES = 6
BASELINES = ("similar_complements", "copurchase", "p_companion", "daemon", "ranker")


def shown(kind: str | None, title: str | None, more: str = "") -> str:
    """What a prompt says of a product: its type, where that is a word, and its title."""
    text = clean_text(f"{title or ''} {more}", CHARACTERS)
    named = clean_text(kind, 40)
    return text if not named or named.startswith("cluster ") else f"{named}: {text}"


def prepare(  # noqa: PLR0915 one step after the other
    data: Path, name: str, seed: int, models: Path, out: Path
) -> None:
    """One data set and split: `name-seed.npz` travels, `-kept.npz` and `.json` stay."""
    from transformers import AutoTokenizer

    started = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(str(models / "flan-t5-small"))

    def tokenise(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    case = split(read(data / name), seed)
    catalog, rng = case.pairs.catalog, np.random.default_rng(seed + 77)
    n, test = len(catalog), case.lists["test"]
    titles, types = catalog.text("title") or [], catalog.text("type") or []
    texts = [shown(kind, title) for kind, title in zip(types, titles, strict=True)]
    arrays = ragged("titles", [tokenise(text)[:TITLE_TOKENS] for text in texts])
    lists = {**case.lists, **({"human": case.human} if case.human else {})}
    for part, found in lists.items():
        arrays[f"{part}_sources"] = found.sources
        arrays[f"{part}_candidates"] = found.candidates
        arrays[f"{part}_kinds"] = found.kinds
    arrays |= judged(case, rng)
    arrays["references"] = rng.choice(case.lists["train"].sources, REFERENCES, replace=False)

    scores: dict[str, dict[str, np.ndarray]] = {part: {} for part in lists}
    for part, found in lists.items():
        source = np.repeat(found.sources, NEGATIVES + 1)
        passed = case.rules.coherent(source, found.candidates.ravel())
        same = catalog.type_codes[source] == catalog.type_codes[found.candidates.ravel()]
        scores[part]["rules"] = (passed & ~same).astype(np.float32)
    minilm = SentenceVectors(str(models / "minilm")).encode(
        Catalog(catalog.frame.drop("type").with_columns(title=pl.Series(texts)))
    )
    queries = np.unique(test.sources)
    tops, seconds = {}, {}
    for model in (*BASELINES, "product2vec"):
        begun = time.perf_counter()
        options = {model: {"seed": seed}} if "seed" in _fields(model) else None
        fitted = make_model(model, options).fit(catalog, case.train)
        seconds[model] = round(time.perf_counter() - begun, 1)
        if model == "product2vec":
            vectors = fitted.encode(catalog)
        elif model == "daemon":
            both = np.hstack([fitted.source_vectors, fitted.target_vectors])
        if model != "product2vec":
            tops[model] = fitted.recommend(queries, CANDIDATES)[0]
            for part, found in lists.items():
                scores[part][model] = listed(fitted, found.sources, found.candidates)
        print(name, seed, model, seconds[model], flush=True)
    for part, found in lists.items():
        cosine = (minilm[found.sources][:, None] * minilm[found.candidates]).sum(axis=2)
        scores[part]["text similarity"] = cosine.ravel()
    tops["raw co-purchase"] = raw_lists(case, queries)

    settings, reports = CodeSettings(seed=seed), {}
    for kind, found in (("product2vec", vectors), ("daemon", both)):
        spread = quantise(found.astype(np.float32), settings)
        codes = make_distinct(spread)
        arrays[f"codes_{kind}"] = codes.astype(np.int16)
        plain = quantise(found.astype(np.float32), replace(settings, spread=False))
        reports[kind] = {
            "distinct_vectors": len(np.unique(found.round(4), axis=0)) / n,
            "collisions_unspread": collision_rate(plain),
            "collisions_spread": collision_rate(spread),
            **code_report(codes),
        }
    slates = tops["ranker"]
    arrays |= {"slate_sources": queries, "slates": slates}
    arrays |= attacks(
        slates, queries, lambda t, more: shown(types[t], titles[t], more), tokenise, rng
    )

    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / f"{name}-{seed}.npz", **arrays)
    kept = {f"top|{model}": top for model, top in tops.items()}
    kept |= {
        f"{part}|{m}": s.reshape(-1, NEGATIVES + 1)
        for part in lists
        for m, s in scores[part].items()
    }
    np.savez_compressed(out / f"{name}-{seed}-kept.npz", **kept)
    facts = {
        "products": n,
        "complements": len(case.pairs.complements[0]),
        "coherent": float(case.rules.coherent(*case.pairs.complements).mean()),
        "coherent_at_random": float(case.rules.coherent(*rng.integers(n, size=(2, 20000))).mean()),
        "attributes": case.rules.attributes,
        "words": len(case.rules.words),
        "lists": {part: len(lists[part].sources) for part in lists},
        "sources": {part: len(np.unique(lists[part].sources)) for part in lists},
        "codes": reports,
        "fit_seconds": seconds,
        "seconds": round(time.perf_counter() - started, 1),
    }
    (out / f"{name}-{seed}.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    for model, found in scores["test"].items():
        both_metrics = candidate_list_metrics(found.reshape(-1, NEGATIVES + 1))
        print(name, seed, model, *(f"{k} {v.mean():.3f}" for k, v in both_metrics.items()))
    print(json.dumps(reports), flush=True)


def _fields(model: str) -> set[str]:
    from goeswith.models import model_class

    return set(model_class(model).Config.model_fields)


def listed(model: Recommender, sources: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(m * c,) scores; where a model says nothing, less than anything it says."""
    repeated = np.repeat(sources, candidates.shape[1]).astype(np.int32)
    scores = model.score_pairs(repeated, candidates.ravel().astype(np.int32))
    lowest = scores[np.isfinite(scores)].min() if np.isfinite(scores).any() else 0
    return np.where(np.isfinite(scores), scores, lowest - 1).astype(np.float32)


def raw_lists(case: Split, queries: np.ndarray) -> np.ndarray:
    """(q, CANDIDATES) what was bought with each most often, in all the data: no prediction."""
    u, v, count = case.pairs.raw
    found = np.full((len(queries), CANDIDATES), -1, dtype=np.int32)
    for row, query in enumerate(queries):
        here = np.flatnonzero(u == query)
        best = here[np.argsort(-count[here], kind="stable")][:CANDIDATES]
        found[row, : len(best)] = v[best]
    return found


def judged(case: Split, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Pairs to learn yes and no from, and complements to generate, of train sources alone."""
    codes = case.pairs.catalog.type_codes
    u, v = case.pairs.complements
    known = (case.part[u] == 0) & (case.part[v] == 0)
    u, v = u[known], v[known]
    warm = np.flatnonzero(case.part == 0)
    same = rng.permutation(np.argwhere(codes[warm][:, None] == codes[warm][None]))
    same = same[same[:, 0] != same[:, 1]][: len(u)]
    alike = warm[same]
    random = rng.choice(warm, size=(2, len(u)))
    found = {}
    for task, yes, no in (("complement", (u, v), alike.T), ("substitute", alike.T, (u, v))):
        some, half = rng.permutation(len(no[0]))[: len(u) // 2], random[:, : len(u) // 2]
        source = np.r_[yes[0], no[0][some], half[0]].astype(np.int32)
        target = np.r_[yes[1], no[1][some], half[1]].astype(np.int32)
        found |= {f"{task}_sources": source, f"{task}_targets": target}
        found[f"{task}_yes"] = (np.arange(len(source)) < len(yes[0])).astype(np.int8)
    coherent = case.rules.coherent(u, v)
    found["generation_sources"] = u[coherent].astype(np.int32)
    found["generation_targets"] = v[coherent].astype(np.int32)
    return found


def attacks(
    slates: np.ndarray,
    queries: np.ndarray,
    said: Callable[[int, str], str],
    tokenise: Callable[[str], list[int]],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Slates of ten, one product of each under attack, and what each strategic text makes of it."""
    full = np.flatnonzero((slates[:, :10] >= 0).all(axis=1))
    chosen = rng.permutation(full)[:ATTACKED]
    place = rng.integers(2, 10, size=len(chosen))
    attacked = slates[chosen, place]
    found = {
        "attack_sources": queries[chosen],
        "attack_slates": slates[chosen, :10],
        "attack_place": place,
    }
    for kind, text in STRATEGIC.items():
        key = kind.replace(" ", "_")
        ended = [tokenise(said(t, text))[:TITLE_TOKENS] for t in attacked]
        found |= ragged(f"append_{key}", ended)
        found |= ragged(f"tail_{key}", [tokenise(clean_text(text))])
    return found


def ragged(name: str, runs: list[list[int]]) -> dict[str, np.ndarray]:
    """Runs of token ids as two arrays."""
    made = RaggedIds.from_runs(runs)
    return {
        f"{name}_ids": made.ids.astype(np.int32),
        f"{name}_starts": made.starts.astype(np.int32),
    }


def intentions(data: Path, tokenizer: object) -> dict[str, np.ndarray]:
    """Explained pairs, split by product: no product of a test pair is in a train pair."""
    frame = pl.read_parquet(data / "intentions" / "explanations.parquet")
    products = np.unique(np.r_[frame["source"].to_numpy(), frame["target"].to_numpy()])
    held = np.random.default_rng(0).permutation(products)[: len(products) * 3 // 10]
    one = np.isin(frame["source"].to_numpy(), held)
    other = np.isin(frame["target"].to_numpy(), held)
    before, between, behind = PAIR_TASKS["explanation"]
    parts = {"train": ~one & ~other, "test": one & other}

    def tokenise(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]  # type: ignore[operator, no-any-return]

    found: dict[str, np.ndarray] = {}
    for part, mask in parts.items():
        rows = frame.filter(pl.Series(mask))
        if part == "train":  # what people found typical is what is to be learned
            rows = rows.filter(pl.col("typicality") >= 0.5)
        prompts, texts = [], []
        for row in rows.iter_rows(named=True):
            first, second = (
                tokenise(clean_text(row[c], CHARACTERS))[:TITLE_TOKENS]
                for c in ("source_title", "target_title")
            )
            words = [tokenise(before), first, tokenise(between), second, tokenise(behind), [1]]
            prompts.append([i for part_ in words for i in part_])
            texts.append(tokenise(clean_text(row["explanation"], 160))[:40])
        found |= ragged(f"{part}_prompts", prompts) | ragged(f"{part}_texts", texts)
        found[f"{part}_rows"] = np.flatnonzero(mask)[: len(rows)] if part == "test" else np.zeros(0)
    return found


def pack(work: Path, data: Path, models: Path, out: Path, cases: list[str]) -> None:
    """What the training stage reads: cases, texts and a model cut to the tokens that they use."""
    from transformers import AutoTokenizer

    folder = models / "flan-t5-small"
    tokenizer = AutoTokenizer.from_pretrained(str(folder))

    def tokenise(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    shared = intentions(data, tokenizer)
    shared |= ragged("training_tails", [tokenise(text) for text in STRATEGIC_TRAINING_TEXTS])
    for task, parts in (PAIR_TASKS | ONE_TASKS).items():
        shared |= ragged(f"words_{task}", [tokenise(part) for part in parts])
    shared["answers"] = np.array([tokenise(" yes")[0], tokenise(" no")[0]])
    loaded = {case: dict(np.load(work / f"{case}.npz")) for case in cases}
    everything = [shared, *loaded.values()]
    ids = [a[k].ravel() for a in everything for k in a if k.endswith("_ids") or k == "answers"]
    kept = np.unique(np.concatenate([[0, 1, 2], *ids]))
    new = np.full(40_000, 2, dtype=np.int32)
    new[kept] = np.arange(len(kept))
    out.mkdir(parents=True, exist_ok=True)
    for name, arrays in [("shared", shared), *loaded.items()]:
        for key in arrays:
            if key.endswith("_ids") or key == "answers":
                arrays[key] = new[arrays[key]].astype(np.int16)
        np.savez_compressed(out / f"{name}.npz", **arrays)
    np.savez_compressed(out / "vocabulary.npz", kept=kept)
    shared |= _reference(folder, loaded[cases[0]], kept)
    np.savez_compressed(out / "shared.npz", **shared)
    weights = shrink(folder, kept)
    weights["config"] = np.frombuffer((folder / "config.json").read_bytes(), dtype=np.uint8)
    np.savez_compressed(out / "weights.npz", **weights)
    size = sum(file.stat().st_size for file in out.rglob("*")) / 2**20
    print(f"{len(kept):,} tokens, {size:.1f} MiB in {out}")


def _reference(
    folder: Path, case: dict[str, np.ndarray], kept: np.ndarray
) -> dict[str, np.ndarray]:
    """What the whole model, as transformers loads it, says to a few prompts: to be found again."""
    from goeswith.language.eccr.torch_backbone import load_backbone

    backbone, _ = load_backbone(str(folder))
    titles = RaggedIds(case["titles_ids"], case["titles_starts"])
    prompts = [np.append(titles[i], 1) for i in range(24)]
    return ragged("reference", [p.tolist() for p in prompts]) | {
        "reference_scores": backbone.score_all([kept[p].astype(np.int32) for p in prompts])
    }


__all__ = ["DATA", "PARTS", "pack", "prepare"]
