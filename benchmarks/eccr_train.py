"""The training stage of benchmarks/eccr.py: numpy, torch, transformers and the packed folder alone.

Runs go in order of what they tell, and no run begins that would not end in time; what a run found
is written when it ends.
"""

from __future__ import annotations

import copy
import json
import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eccr_shrink import grown, t5
from goeswith.encode.codes import Trie
from goeswith.language.eccr.attack import STRATEGIC, random_search
from goeswith.language.eccr.lists import Lists, list_metrics
from goeswith.language.eccr.prompts import Prompts, Ragged, code_ids
from goeswith.language.eccr.torch_backbone import Backbone
from goeswith.language.eccr.torch_generate import generate
from goeswith.language.eccr.torch_training import Judged, Plan, Tasks, Texts, train, with_tail

PLAN = Plan(steps=250, lists=32, negatives=10, batch=32, learning_rate=5e-4, tails=0.15)
PRIORS = (0.0, 0.25, 0.5, 0.75, 1.0)
RATES = (2e-4, 5e-4, 1e-3)
PROBE = 120
ROUNDS = 60
TAIL = 10


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
    """(case, variant): the three that must be shown, seed by seed; the others after the first."""
    seeds = sorted({int(case.rpartition("-")[2]) for case in cases})
    found = []
    for seed in seeds:
        here = [case for case in cases if case.endswith(f"-{seed}")]
        found += [(case, variant) for variant in MAIN for case in here]
        if seed == seeds[0]:
            found += [(case, v) for v in ("daemon tokens", "no defence") for case in here[:2]]
    return found


def ragged(arrays: Any, name: str) -> Ragged:
    return Ragged(arrays[f"{name}_ids"].astype(np.int32), arrays[f"{name}_starts"].astype(np.int64))


def all_of(found: Ragged) -> list[np.ndarray]:
    return [found[i] for i in range(len(found))]


class Case:
    """One data set and split, as it travels."""

    def __init__(self, packed: Path, name: str, shared: Any) -> None:
        self.arrays, self.shared = np.load(packed / f"{name}.npz"), shared
        self.titles = ragged(self.arrays, "titles")
        self.n = len(self.titles)

    def lists(self, part: str) -> Lists:
        """The lists of a part."""
        return Lists(*(self.arrays[f"{part}_{k}"] for k in ("sources", "candidates", "kinds")))

    def prompts(self, codes: np.ndarray | None) -> Prompts:
        """Prompts over its products, with tokens of behaviour or without."""
        tasks = ("listwise", "complement", "substitute", "explanation", "generation")
        words = {task: tuple(all_of(ragged(self.shared, f"words_{task}"))) for task in tasks}
        return Prompts(words, self.titles, codes, 1)

    def tasks(self, prompts: Prompts, variant: Variant) -> Tasks:
        """What a variant learns from."""
        a = self.arrays
        tails = all_of(ragged(self.shared, "training_tails")) if variant.tails else []
        lists = self.lists("train")
        if not variant.tasks:
            return Tasks(lists, tails=tails)
        judged = {
            task: Judged(*(a[f"{task}_{k}"] for k in ("sources", "targets", "yes")))
            for task in ("complement", "substitute")
        }
        explained = [all_of(ragged(self.shared, f"train_{k}")) for k in ("prompts", "texts")]
        texts = {"explanation": Texts(*explained)}
        if prompts.codes is not None:
            asked = [prompts.one("generation", s) for s in a["generation_sources"]]
            texts["generation"] = Texts(asked, list(prompts.codes[a["generation_targets"]]))
        return Tasks(lists, judged, texts, tails)


def list_scores(backbone: Backbone, prompts: Prompts, lists: Lists) -> np.ndarray:
    """(m, c) scores of lists."""
    width = lists.candidates.shape[1]
    asked = prompts.pairs("listwise", np.repeat(lists.sources, width), lists.candidates.ravel())
    return backbone.scored(asked).reshape(-1, width)


def train_all(
    packed: Path, cases: list[str], out: Path, seconds: float, *, tiny: bool = False
) -> None:
    """Every run that there is time for; results.npz and results.json in `out`."""
    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    shared = np.load(packed / "shared.npz")
    base = _model(packed, tiny=tiny)
    plan = replace(PLAN, steps=4, lists=2, batch=2, checks=2) if tiny else PLAN
    found: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
        "torch": torch.__version__,
        "transformers": __import__("transformers").__version__,
        "plan": vars(plan),
        "tiny": tiny,
        "runs": {},
    }
    longest = 0.0
    if not tiny:
        said = _backbone(base).scored(all_of(ragged(shared, "reference")))
        found_again = float(np.corrcoef(said, shared["reference_scores"])[0, 1])
        facts["reference"] = found_again
        print(f"weights as they travelled against the whole model: correlation {found_again:.4f}")
        if found_again < 0.98:
            raise SystemExit("the model is not what it was: stop here")
    plan = _probe(packed, cases[0], shared, base, plan, facts, seconds, len(runs(cases)))
    _untuned(packed, cases, shared, base, found, tiny=tiny)
    _save(found, facts, out)
    for case, variant in runs(cases):
        left = seconds - (time.monotonic() - begun)
        if left < 1.15 * longest:
            print(f"no time left for {case}, {variant}", flush=True)
            facts["runs"][f"{case}|{variant}"] = "no time"
            continue
        started = time.monotonic()
        one = _run(packed, case, variant, shared, base, plan, tiny=tiny)
        facts["runs"][f"{case}|{variant}"] = one.pop("facts")
        found |= {f"{case}|{variant}|{key}": value for key, value in one.items()}
        longest = max(longest, time.monotonic() - started)
        _save(found, facts, out)
        print(
            f"{time.monotonic() - begun:.0f} s",
            case,
            variant,
            facts["runs"][f"{case}|{variant}"],
            flush=True,
        )


def _probe(  # noqa: PLR0917 what a run is made of
    packed: Path,
    name: str,
    shared: Any,
    base: Any,
    plan: Plan,
    facts: dict[str, Any],
    seconds: float,
    count: int,
) -> Plan:
    """The learning rate that validates best in a short run, and as many steps as there is time for.

    Validation lists are of the first case; its test lists are not looked at.
    """
    case, tried, spent = Case(packed, name, shared), {}, 0.0
    steps = min(PROBE, plan.steps)
    for rate in RATES:
        torch.manual_seed(0)
        backbone = _backbone(base)
        codes = code_ids(case.arrays["codes_product2vec"].astype(np.int64), backbone.words)
        backbone.add_codes(codes, all_of(case.titles))
        prompts = case.prompts(codes)
        valid = case.lists("valid").of(np.arange(2)) if plan.steps < 10 else case.lists("valid")

        def check(b: Backbone = backbone, p: Prompts = prompts, lists: Lists = valid) -> float:
            return float(list_metrics(list_scores(b, p, lists))["ndcg@5"].mean())

        tasks = case.tasks(prompts, VARIANTS["whole"])
        begun = time.monotonic()
        history = train(
            backbone, prompts, tasks, replace(plan, steps=steps, learning_rate=rate), check=check
        )
        spent = time.monotonic() - begun  # of the last: the first one warms up
        tried[rate] = max(h["validation"] for h in history)
        print(f"rate {rate}: {history}, {spent:.1f} s", flush=True)
    best = max(tried, key=lambda rate: tried[rate])
    each = (seconds - 60) / count - 4  # other work of a run, about
    chosen = int(np.clip(each * steps / spent, 200, 400)) if plan.steps >= 100 else plan.steps
    facts["probe"] = {
        "ndcg@5": {str(k): v for k, v in tried.items()},
        "steps_per_second": steps / spent,
    }
    plan = replace(plan, learning_rate=best, steps=chosen)
    facts["plan"] = vars(plan)
    print(f"plan: {plan}", flush=True)
    return plan


def _model(packed: Path, *, tiny: bool) -> tuple[Any, list[int]]:
    arrays = np.load(packed / "weights.npz")
    config = json.loads(arrays["config"].tobytes())
    names = [name for name in arrays.files if name != "config"]
    answers = [int(i) for i in np.load(packed / "shared.npz")["answers"]]
    if not tiny:
        return t5(config, grown({name: arrays[name] for name in names})), answers
    from transformers import T5Config, T5ForConditionalGeneration

    size = len(arrays["shared.weight|int8"])
    small = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_heads": 2, "num_layers": 1}
    tiny_config = T5Config(**config | small | {"num_decoder_layers": 1, "vocab_size": size})
    return T5ForConditionalGeneration(tiny_config), answers


def _backbone(base: tuple[Any, list[int]]) -> Backbone:
    model, (yes, no) = base
    return Backbone(copy.deepcopy(model), yes=yes, no=no, pad=0, end=1)


def _save(found: dict[str, np.ndarray], facts: dict[str, Any], out: Path) -> None:
    np.savez_compressed(out / "results.npz", **found)
    (out / "results.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def _untuned(
    packed: Path, cases: list[str], shared: Any, base: Any, found: dict[str, Any], *, tiny: bool
) -> None:
    """What the model knows before it is tuned, of lists and of explanations."""
    backbone = _backbone(base)
    most = 4 if tiny else 10_000
    for name in cases:
        case = Case(packed, name, shared)
        prompts = case.prompts(None)
        for part in ("test", "human"):
            if f"{part}_sources" in case.arrays:
                some = case.lists(part).of(
                    np.arange(min(most, len(case.arrays[f"{part}_sources"])))
                )
                found[f"{name}|untuned|{part}"] = list_scores(backbone, prompts, some)
        print("untuned", name, flush=True)
    asked = all_of(ragged(shared, "test_prompts"))[:most]
    found["untuned|explanations"] = _together(backbone.say(asked, most=40))


def _together(texts: list[list[int]]) -> np.ndarray:
    found = np.zeros((len(texts), 40), dtype=np.int16)
    for row, text in enumerate(texts):
        found[row, : len(text)] = text
    return found


def _run(  # noqa: PLR0917 what a run is made of
    packed: Path, name: str, kind: str, shared: Any, base: Any, plan: Plan, *, tiny: bool
) -> dict[str, Any]:
    started = time.monotonic()
    variant, case = VARIANTS[kind], Case(packed, name, shared)
    seed = int(name.rpartition("-")[2])
    torch.manual_seed(seed)
    backbone = _backbone(base)
    raw, codes = None, None
    if variant.codes is not None:
        raw = case.arrays[f"codes_{variant.codes}"].astype(np.int64)
        codes = code_ids(raw, backbone.words)
        backbone.add_codes(codes, all_of(case.titles))
    prompts = case.prompts(codes)
    most = 4 if tiny else 10_000
    valid = case.lists("valid")
    valid = valid.of(np.arange(min(most, len(valid.sources))))

    def check() -> float:
        return float(list_metrics(list_scores(backbone, prompts, valid))["ndcg@5"].mean())

    plan = replace(plan, seed=seed, tails=plan.tails if variant.tails else 0.0)
    tasks = case.tasks(prompts, variant)
    history = train(backbone, prompts, tasks, plan, check=check)
    trained = time.monotonic() - started
    found: dict[str, Any] = {}
    for part in ("valid", "test", "human"):
        if f"{part}_sources" in case.arrays:
            lists = case.lists(part)
            lists = lists.of(np.arange(min(most, len(lists.sources))))
            found[part] = list_scores(backbone, prompts, lists)
    slates, queries = case.arrays["slates"], case.arrays["slate_sources"]
    if tiny:
        slates, queries = slates[:3], queries[:3]
    width = slates.shape[1]
    pairs = prompts.pairs("listwise", np.repeat(queries, width), slates.clip(min=0).ravel())
    begun = time.monotonic()
    found["slates"] = backbone.scored(pairs).reshape(-1, width)
    facts = {
        "history": history,
        "train_seconds": round(trained, 1),
        "pairs_per_second": round(len(pairs) / (time.monotonic() - begun)),
        "added_tokens": 0 if codes is None else int(codes.max()) + 1 - backbone.words,
    }
    if kind in ("whole", "no defence"):
        products = np.arange(case.n)[: most if not tiny else 6]
        references = case.arrays["references"]
        asked = prompts.pairs(
            "listwise", np.repeat(references, len(products)), np.tile(products, len(references))
        )
        by_reference = backbone.scored(asked).reshape(len(references), -1)
        found["prior"] = by_reference.mean(axis=0)
        if (seed == 0 and not tiny) or tiny:
            found |= _attacked(case, prompts, backbone, valid, found, facts, tiny=tiny)
    if kind == "whole":
        asked = all_of(ragged(shared, "test_prompts"))[:most]
        found["explanations"] = _together(backbone.say(asked, most=40))
        if raw is not None:
            said = [prompts.one("generation", q) for q in queries]
            found["generated"], _ = generate(backbone, said, Trie(raw), 10, backbone.words)
    return found | {"facts": facts | {"seconds": round(time.monotonic() - started, 1)}}


def _attacked(  # noqa: PLR0917 what a run is made of
    case: Case,
    prompts: Prompts,
    backbone: Backbone,
    valid: Lists,
    found: dict[str, Any],
    facts: dict[str, Any],
    *,
    tiny: bool,
) -> dict[str, Any]:
    """Scores of slates, and of the product under attack under each strategic text.

    `p<w>|...` are scores less w times what the product scores with the reference sources.
    """
    a = case.arrays
    some = slice(0, 3 if tiny else None)
    sources, slates, place = (a[f"attack_{k}"][some] for k in ("sources", "slates", "place"))
    targets, references = slates[np.arange(len(slates)), place], a["references"]
    prior = np.zeros(case.n) + found["prior"].mean()
    prior[: len(found["prior"])] = found["prior"]
    shift = prior[valid.candidates]
    gains = [list_metrics(found["valid"] - w * shift)["ndcg@5"].mean() for w in PRIORS]
    best = PRIORS[int(np.argmax(gains))]
    facts["prior"] = {
        "valid_ndcg@5": dict(zip(map(str, PRIORS), gains, strict=True)),
        "chosen": best,
    }
    asked = prompts.pairs("listwise", np.repeat(sources, slates.shape[1]), slates.ravel())
    plain = backbone.scored(asked).reshape(slates.shape)
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
            return backbone.scored(shown)
        for r in references:
            shown += [
                prompts.pair("listwise", int(r), int(targets[i]), t)
                for i, t in zip(which, titles, strict=True)
            ]
        scores = backbone.scored(shown).reshape(1 + len(references), -1)
        return scores[0] - weight * scores[1:].mean(axis=0)

    for weight in (0.0, best or 0.5):
        for key in STRATEGIC:
            appended = [every[key][i] for i in range(len(targets))]
            tail = ragged(a, f"tail_{key.replace(' ', '_')}")[0]
            placed = [with_tail(prompts.titles[t], tail) for t in targets]
            rows = np.arange(len(targets))
            out[f"attack|p{weight}|append|{key}"] = scored(rows, appended, weight)
            out[f"attack|p{weight}|in place|{key}"] = scored(rows, placed, weight)

        def attempt(which: np.ndarray, tails: list[np.ndarray], w: float = weight) -> np.ndarray:
            titles = [
                with_tail(prompts.titles[targets[i]], t) for i, t in zip(which, tails, strict=True)
            ]
            return scored(which, titles, w)

        rounds = 2 if tiny else ROUNDS
        tails, best_scores = random_search(
            attempt, len(targets), words, length=TAIL, rounds=rounds, seed=0
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
