"""The training stage of benchmarks/eccr.py: numpy, torch, transformers and the packed folder alone.

Runs go in order of what they tell, and no run begins that would not end in time. Each writes a file
of its own when it ends, and one that is there is not run again: several processes may take a part.
"""

from __future__ import annotations

import copy
import json
import platform
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eccr_shrink import grown, t5
from goeswith.features.semantic_codes import Trie
from goeswith.language.eccr.candidate_lists import CandidateLists, candidate_list_metrics
from goeswith.language.eccr.prompts import TITLE_TOKENS, Prompts, RaggedIds, code_ids
from goeswith.language.eccr.torch_backbone import Backbone
from goeswith.language.eccr.torch_eccr_training import (
    EccrTasks,
    EccrTraining,
    TextTargets,
    YesNoPairs,
    list_scores,
    lists_ndcg,
    train,
    with_tail,
)
from goeswith.language.eccr.torch_generate import generate
from strategic_text import STRATEGIC, random_search

TAIL = 10
PRIORS = (0.0, 0.25, 0.5, 0.75, 1.0)
EVERY = 10_000


@dataclass(frozen=True)
class Size:
    """How much is learned and asked.

    Attributes:
        plan: of training.
        title: tokens of a title.
        dropout: of all layers; a short training is better without.
        lists: of test and of people, one of a source; EVERY keeps all lists of all sources.
        valid: lists that a check reads.
        slates: test sources whose slates are scored, and
        width: products of a slate that are.
        attacked: products under attack, with the first seed, and
        rounds: of random search for each.
        prior: whether products are scored with other sources too.
        said: intentions that are to be explained.
    """

    plan: EccrTraining
    title: int = TITLE_TOKENS
    dropout: float = 0.1
    lists: int = EVERY
    valid: int = EVERY
    slates: int = EVERY
    width: int = 20
    attacked: int = EVERY
    rounds: int = 60
    prior: bool = True
    said: int = EVERY


SIZES = {
    "gpu": Size(
        EccrTraining(
            steps=250,
            lists=32,
            negatives=10,
            batch=32,
            learning_rate=1e-3,
            auxiliary=0.3,
            tails=0.15,
        ),
    ),
    "cpu": Size(
        EccrTraining(tails=0.15, checks=3),
        title=16,
        dropout=0.0,
        lists=200,
        valid=54,
        slates=150,
        width=10,
        attacked=60,
        rounds=20,
        prior=False,
        said=0,
    ),
    "tiny": Size(
        EccrTraining(steps=4, lists=2, batch=2, checks=2),
        lists=4,
        valid=2,
        slates=3,
        attacked=3,
        rounds=2,
        said=4,
    ),
}


@dataclass(frozen=True)
class Variant:
    """What a run has: behaviour tokens of which vectors, other tasks, strategic text."""

    codes: str | None = "product2vec"
    tasks: bool = True
    tails: bool = True


VARIANTS = {
    "whole": Variant(),
    "no tokens": Variant(codes=None),
    "lists alone": Variant(tasks=False),
    "daemon tokens": Variant(codes="daemon"),
    "no defence": Variant(tails=False),
}
MAIN = ("whole", "no tokens", "lists alone")


def runs(cases: list[str]) -> list[tuple[str, str]]:
    """(case, variant): seed by seed the three that must be shown, then the others.

    Those are what the untuned model knows, and two more of the first seed of the bundles.
    """
    seeds = sorted({int(case.rpartition("-")[2]) for case in cases})
    of_seed = [[case for case in cases if case.endswith(f"-{seed}")] for seed in seeds]
    found = [(case, variant) for here in of_seed for variant in MAIN for case in here]
    found += [(case, "untuned") for case in cases]
    return found + [(c, v) for v in ("daemon tokens", "no defence") for c in of_seed[0][:2]]


def ragged(arrays: Any, name: str) -> RaggedIds:
    return RaggedIds(
        arrays[f"{name}_ids"].astype(np.int32), arrays[f"{name}_starts"].astype(np.int64)
    )


def all_of(found: RaggedIds) -> list[np.ndarray]:
    return [found[i] for i in range(len(found))]


def some_lists(sources: np.ndarray, most: int) -> np.ndarray:
    """Rows of all lists of these sources, or of one of each of so many sources."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(sources))
    if most < EVERY:
        order = order[np.unique(sources[order], return_index=True)[1]]
    return np.sort(rng.permutation(order)[:most])


class GraphCase:
    """One data set and split, as it travels."""

    def __init__(self, packed: Path, name: str, shared: Any, size: Size) -> None:
        self.arrays, self.shared, self.size = np.load(packed / f"{name}.npz"), shared, size
        whole = all_of(ragged(self.arrays, "titles"))
        self.titles = RaggedIds.from_runs([title[: size.title].tolist() for title in whole])
        self.n = len(self.titles)

    def lists(self, part: str) -> CandidateLists:
        """The lists of a part."""
        return CandidateLists(
            *(self.arrays[f"{part}_{k}"] for k in ("sources", "candidates", "kinds"))
        )

    def rows(self, part: str) -> np.ndarray:
        """Which lists of a part are asked: all, or one of each of so many sources."""
        most = self.size.valid if part == "valid" else self.size.lists
        return some_lists(self.arrays[f"{part}_sources"], most)

    def prompts(self, codes: np.ndarray | None) -> Prompts:
        """Prompts over its products, with tokens of behaviour or without."""
        tasks = ("listwise", "complement", "substitute", "explanation", "generation")
        words = {task: tuple(all_of(ragged(self.shared, f"words_{task}"))) for task in tasks}
        return Prompts(words, self.titles, codes, 1, self.size.title)

    def tasks(self, prompts: Prompts, variant: Variant) -> EccrTasks:
        """What a variant learns from."""
        a = self.arrays
        tails = all_of(ragged(self.shared, "training_tails")) if variant.tails else []
        lists = self.lists("train")
        if not variant.tasks:
            return EccrTasks(lists, tails=tails)
        judged = {
            task: YesNoPairs(*(a[f"{task}_{k}"] for k in ("sources", "targets", "yes")))
            for task in ("complement", "substitute")
        }
        explained = [all_of(ragged(self.shared, f"train_{k}")) for k in ("prompts", "texts")]
        texts = {"explanation": TextTargets(*explained)}
        if prompts.codes is not None:
            requested_prompts = [prompts.single("generation", s) for s in a["generation_sources"]]
            texts["generation"] = TextTargets(
                requested_prompts, list(prompts.codes[a["generation_targets"]])
            )
        return EccrTasks(lists, judged, texts, tails)


def train_all(  # noqa: PLR0917 what there is to say
    packed: Path, cases: list[str], out: Path, seconds: float, size: Size, part: int, parts: int
) -> None:
    """Every run of a part that there is time for; CASE-VARIANT.npz and .json of each in `out`."""
    begun, longest = time.monotonic(), 0.0
    out.mkdir(parents=True, exist_ok=True)
    shared, base = np.load(packed / "shared.npz"), _model(packed, size)
    said = _backbone(base).scored(all_of(ragged(shared, "reference")))
    alike = float(np.corrcoef(said, shared["reference_scores"])[0, 1])
    print(f"weights as they travelled against the whole model: correlation {alike:.4f}")
    if alike < 0.98 and size is not SIZES["tiny"]:
        raise SystemExit("the model is not what it was: stop here")
    about = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": __import__("transformers").__version__,
        "size": asdict(size),
        "reference": alike,
    }
    for case, variant in runs(cases)[part::parts]:
        file = out / f"{case}-{variant.replace(' ', '_')}"
        if file.with_suffix(".json").exists():
            continue
        started = time.monotonic()
        if seconds - (started - begun) < 1.15 * longest:
            print(f"no time left for {case}, {variant}", flush=True)
            continue
        run = _untuned if variant == "untuned" else _run
        arrays, facts = run(GraphCase(packed, case, shared, size), case, variant, base)
        facts |= {"case": case, "variant": variant, **about}
        np.savez_compressed(file.with_suffix(".npz"), **arrays)
        file.with_suffix(".json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        longest = max(longest, time.monotonic() - started)
        print(f"{time.monotonic() - begun:.0f} s", case, variant, facts.get("history"), flush=True)


def _model(packed: Path, size: Size) -> tuple[Any, list[int]]:
    arrays = np.load(packed / "weights.npz")
    config = json.loads(arrays["config"].tobytes()) | {"dropout_rate": size.dropout}
    names = [name for name in arrays.files if name != "config"]
    answers = [int(i) for i in np.load(packed / "shared.npz")["answers"]]
    if size is not SIZES["tiny"]:
        return t5(config, grown({name: arrays[name] for name in names})), answers
    from transformers import T5Config, T5ForConditionalGeneration

    words = len(arrays["shared.weight|int8"])
    small = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_heads": 2, "num_layers": 1}
    tiny_config = T5Config(**config | small | {"num_decoder_layers": 1, "vocab_size": words})
    return T5ForConditionalGeneration(tiny_config), answers


def _backbone(base: tuple[Any, list[int]]) -> Backbone:
    model, (yes, no) = base
    return Backbone(copy.deepcopy(model), yes=yes, no=no, pad=0, end=1)


def _untuned(
    case: GraphCase, name: str, variant: str, base: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the model knows before it is tuned, of lists and of explanations."""
    backbone, prompts = _backbone(base), case.prompts(None)
    found = _list_scores(case, prompts, backbone, ("test", "human"))
    if case.size.said and name.startswith("bundles-electronic"):
        requested_prompts = all_of(ragged(case.shared, "test_prompts"))[: case.size.said]
        found["explanations"] = _together(backbone.generate_text(requested_prompts, max_tokens=40))
    return found, {}


def _list_scores(
    case: GraphCase, prompts: Prompts, backbone: Backbone, parts: tuple[str, ...]
) -> dict[str, Any]:
    """Scores of the lists of parts, and which lists these are."""
    found: dict[str, Any] = {}
    for part in parts:
        if f"{part}_sources" in case.arrays:
            rows = case.rows(part)
            found[part] = list_scores(backbone, prompts, case.lists(part).of(rows))
            found[f"{part}_rows"] = rows
    return found


def _together(texts: list[list[int]]) -> np.ndarray:
    found = np.zeros((len(texts), 40), dtype=np.int16)
    for row, text in enumerate(texts):
        found[row, : len(text)] = text
    return found


def _run(case: GraphCase, name: str, kind: str, base: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    started = time.monotonic()
    variant, size = VARIANTS[kind], case.size
    seed = int(name.rpartition("-")[2])
    torch.manual_seed(seed)
    backbone = _backbone(base)
    raw, codes = None, None
    if variant.codes is not None:
        raw = case.arrays[f"codes_{variant.codes}"].astype(np.int64)
        codes = code_ids(raw, backbone.words)
        backbone.add_codes(codes, all_of(case.titles))
    prompts, valid = case.prompts(codes), case.lists("valid").of(case.rows("valid"))

    def check() -> float:
        return lists_ndcg(backbone, prompts, valid)

    plan = replace(size.plan, seed=seed, tails=size.plan.tails if variant.tails else 0.0)
    tasks = case.tasks(prompts, variant)
    history = train(backbone, prompts, tasks, plan, check=check)
    trained = time.monotonic() - started
    found = _list_scores(case, prompts, backbone, ("valid", "test", "human"))
    slates = case.arrays["slates"][: size.slates, : size.width]
    queries = case.arrays["slate_sources"][: size.slates]
    width = slates.shape[1]
    pairs = prompts.pairs("listwise", np.repeat(queries, width), slates.clip(min=0).ravel())
    begun = time.monotonic()
    found["slates"] = backbone.score_all(pairs).reshape(-1, width)
    facts = {
        "history": history,
        "train_seconds": round(trained, 1),
        "pairs_per_second": round(len(pairs) / (time.monotonic() - begun)),
        "added_tokens": 0 if codes is None else int(codes.max()) + 1 - backbone.words,
    }
    if kind in {"whole", "no defence"}:
        if size.prior:
            products, references = np.arange(case.n), case.arrays["references"]
            requested_prompts = prompts.pairs(
                "listwise", np.repeat(references, len(products)), np.tile(products, len(references))
            )
            found["prior"] = (
                backbone.score_all(requested_prompts).reshape(len(references), -1).mean(axis=0)
            )
        if seed == 0:
            found |= _attacked(case, prompts, backbone, valid, found, facts)
    if kind == "whole":
        if size.said:
            requested_prompts = all_of(ragged(case.shared, "test_prompts"))[: size.said]
            found["explanations"] = _together(
                backbone.generate_text(requested_prompts, max_tokens=40)
            )
        if raw is not None:
            said = [prompts.single("generation", q) for q in queries]
            found["generated"], _ = generate(backbone, said, Trie(raw), 10, backbone.words)
    return found, facts | {"seconds": round(time.monotonic() - started, 1)}


def _attacked(  # noqa: PLR0917 what a run is made of
    case: GraphCase,
    prompts: Prompts,
    backbone: Backbone,
    valid: CandidateLists,
    found: dict[str, Any],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Scores of slates, and of the product under attack under each strategic text.

    `p<w>|...` are scores less w times what the product scores with the reference sources.
    """
    a, limit = case.arrays, case.size.title
    some = slice(0, case.size.attacked)
    sources, slates, place = (a[f"attack_{k}"][some] for k in ("sources", "slates", "place"))
    targets, references = slates[np.arange(len(slates)), place], a["references"]
    prior, weights = np.zeros(case.n), [0.0]
    if "prior" in found:
        prior = found["prior"]
        shift = prior[valid.candidates]
        gains = [
            candidate_list_metrics(found["valid"] - w * shift)["ndcg@5"].mean() for w in PRIORS
        ]
        best = PRIORS[int(np.argmax(gains))]
        facts["prior"] = {
            "valid_ndcg@5": dict(zip(map(str, PRIORS), gains, strict=True)),
            "chosen": best,
        }
        weights.append(best or 0.5)
    requested_prompts = prompts.pairs(
        "listwise", np.repeat(sources, slates.shape[1]), slates.ravel()
    )
    plain = backbone.score_all(requested_prompts).reshape(slates.shape)
    out: dict[str, Any] = {"attack|slates": plain, "attack|prior": prior[slates]}
    ids = prompts.titles.ids
    words = np.unique(ids[ids > 2])
    every = {key: ragged(a, f"append_{key.replace(' ', '_')}") for key in STRATEGIC}

    def scored(which: np.ndarray, titles: list[np.ndarray], weight: float) -> np.ndarray:
        shown = [
            prompts.pair("listwise", int(sources[i]), int(targets[i]), t)
            for i, t in zip(which, titles, strict=True)
        ]
        if not weight:
            return backbone.score_all(shown)
        for r in references:
            shown += [
                prompts.pair("listwise", int(r), int(targets[i]), t)
                for i, t in zip(which, titles, strict=True)
            ]
        scores = backbone.score_all(shown).reshape(1 + len(references), -1)
        return scores[0] - weight * scores[1:].mean(axis=0)

    for weight in weights:
        for key in STRATEGIC:
            appended = [every[key][i] for i in range(len(targets))]
            tail = ragged(a, f"tail_{key.replace(' ', '_')}")[0]
            placed = [with_tail(prompts.titles[t], tail, limit) for t in targets]
            rows = np.arange(len(targets))
            out[f"attack|p{weight}|append|{key}"] = scored(rows, appended, weight)
            out[f"attack|p{weight}|in place|{key}"] = scored(rows, placed, weight)

        def attempt(which: np.ndarray, tails: list[np.ndarray], w: float = weight) -> np.ndarray:
            titles = [
                with_tail(prompts.titles[targets[i]], t, limit)
                for i, t in zip(which, tails, strict=True)
            ]
            return scored(which, titles, w)

        tails, best_scores = random_search(
            attempt, len(targets), words, length=TAIL, rounds=case.size.rounds, seed=0
        )
        out[f"attack|p{weight}|in place|random search"] = best_scores
        # the same tails where nothing is cut to make place for them: at the end of the whole title
        appended = [
            np.concatenate([prompts.titles[t], tail])
            for t, tail in zip(targets, tails, strict=True)
        ]
        out[f"attack|p{weight}|append|random search"] = scored(
            np.arange(len(targets)), appended, weight
        )
    return out
