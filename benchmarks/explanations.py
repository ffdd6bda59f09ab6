"""Explanations: trained on what people wrote, against template and untuned model, before and after
checking.

    python benchmarks/explanations.py ../shared/data --backbone FOLDER --models FOLDER

Pairs of `intentions` are split by product (0.7, 0.1, 0.2: no product in two parts); intents of the
bundles are learned beside them where they share neither product nor title with the test part.
`as_written` learns all sentences, `keep_supported` only those that the two products' texts hold.
Sentences and references are tidied alike (`tidy`); untuned models are queried once. A model that is
in `--models` is not trained again.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goeswith.core.atomic_files import write_json
from goeswith.text.claims import tidy, unsupported_claims
from goeswith.text.explain_pairs import explain_pairs
from goeswith.text.explainer_training import ExplainerTraining, train_explainer
from goeswith.text.explanation import TEMPLATE, Explainer, Explanation
from goeswith.text.local_explainer import LocalExplainer
from goeswith.text.product_text import clean_text
from goeswith.text.product_words import ProductWords
from goeswith.text.templates import template_sentence
from goeswith.text.training_examples import (
    ExplanationExample,
    bundle_examples,
    intention_examples,
    keep_supported,
    split_by_product,
    without_products,
)
from text_metrics import bleu_4, rouge

RESULTS = Path(__file__).parent / "results"
BUNDLES = 800
EPOCHS = {"as_written": 2, "held": 4}


def parts(
    data: Path, seed: int
) -> tuple[dict[str, list[ExplanationExample]], list[ExplanationExample], list[ExplanationExample]]:
    """What each variant learns, validation, test."""
    intentions = intention_examples(pl.read_parquet(data / "intentions/explanations.parquet"))
    train, validation, test = split_by_product(intentions, [0.7, 0.1], seed)
    bundled: list[ExplanationExample] = []
    for name in ("electronic", "clothing"):
        folder = data / f"bundles-{name}"
        products = pl.read_parquet(folder / "products.parquet")
        bundled += bundle_examples(products, pl.read_parquet(folder / "bundles.parquet"))
    bundled = without_products(bundled, [*validation, *test])
    rng = np.random.default_rng(seed)
    some = [bundled[i] for i in rng.permutation(len(bundled))[:BUNDLES]]
    held_bundles = [e for e in map(keep_supported, bundled) if e]
    held_some = [held_bundles[i] for i in rng.permutation(len(held_bundles))[:BUNDLES]]
    learned = {
        "as_written": [*train, *some],
        "held": [*(e for e in map(keep_supported, train) if e), *held_some],
    }
    return learned, validation, test


def scores(sentences: list[str], test: list[ExplanationExample]) -> dict[str, Any]:
    """BLEU, ROUGE and the share of sentences with a claim that nothing holds."""
    references = [example.texts for example in test]
    wrong, kinds = 0, dict[str, int]()
    for sentence, example in zip(sentences, test, strict=True):
        sides = ProductWords(example.pair.source), ProductWords(example.pair.target)
        claims = unsupported_claims(sentence, *sides)
        wrong += bool(claims)
        for kind in {claim.kind for claim in claims}:
            kinds[kind] = kinds.get(kind, 0) + 1
    return {
        "bleu_4": bleu_4(sentences, references),
        **rouge(sentences, references),
        "unsupported_share": wrong / len(test),
        "unsupported_kinds": dict(sorted(kinds.items())),
        "distinct_share": len(set(sentences)) / len(test),
    }


def of_explainer(
    explainer: Explainer, test: list[ExplanationExample]
) -> tuple[dict[str, Any], list[Explanation]]:
    """What an explainer writes at once, and what is left of it after checking."""
    pairs = [example.pair for example in test]
    started = time.perf_counter()
    raw = [tidy(text) for text in explainer.write(pairs, 0)]
    seconds = time.perf_counter() - started
    checked = explain_pairs(pairs, explainer)
    figures = {
        "before": scores(raw, test),
        "after": scores([found.text for found in checked], test),
        "templates_after": sum(found.by == "template" for found in checked) / len(test),
        "written_a_second": len(test) / seconds,
    }
    return figures, checked


def audit(found: list[Explanation], test: list[ExplanationExample], seed: int, out: Path) -> None:
    """A hundred of what is shown, to be read one by one: `verdict` is a person's."""
    rows = np.random.default_rng(seed).permutation(len(test))[:100].tolist()
    pl.DataFrame(
        [
            {
                "first": clean_text(test[i].pair.source["title"], 90),
                "second": clean_text(test[i].pair.target["title"], 90),
                "explanation": found[i].text,
                "by": "template" if found[i].by == TEMPLATE else "model",
                "verdict": "",
                "note": "",
            }
            for i in rows
        ]
    ).write_csv(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--variants", nargs="+", choices=sorted(EPOCHS), default=["held"])
    parser.add_argument("--audit", action="store_true", help="leave 100 to be read")
    parser.add_argument("--others", nargs="*", default=[], help="other untuned models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lora", type=int, default=0, help="rank; 0 trains all weights")
    options = parser.parse_args()
    learned, validation, test = parts(options.data, options.seed)
    results: dict[str, Any] = {
        "command": "python benchmarks/explanations.py ../shared/data "
        f"--backbone {Path(options.backbone).name} --models MODELS --seed {options.seed} "
        f"--variants {' '.join(options.variants)}",
        "data": "intentions, bundles-electronic, bundles-clothing",
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
        "pairs": {"validation": len(validation), "test": len(test)},
        "learned": {
            name: {"pairs": len(of), "sentences": sum(len(e.texts) for e in of)}
            for name, of in learned.items()
            if name in options.variants
        },
        "training": {},
        "written_by_people": scores([example.texts[0] for example in test], test),
        "template": scores([template_sentence(example.pair) for example in test], test),
    }
    # the first of several texts as a sentence would find itself among its references
    results["written_by_people"] = {
        key: results["written_by_people"][key] for key in ("unsupported_share", "unsupported_kinds")
    }
    out = RESULTS / f"explanations-seed-{options.seed}.json"
    for name in options.variants:
        folder = options.models / f"{name}-{options.seed}"
        if not (folder / "training.json").exists():
            training = ExplainerTraining(
                options.backbone,
                options.lora,
                EPOCHS[name],
                bfloat16=True,
                seed=options.seed,
            )
            train_explainer(
                training, learned[name], validation, folder, lambda epoch: print(epoch, flush=True)
            )
        explainer = LocalExplainer(folder, options.seed)
        results["training"][name] = json.loads((folder / "training.json").read_text())
        results["training"][name]["training"]["backbone"] = Path(options.backbone).name
        results[name], shown = of_explainer(explainer, test)
        write_json(results, out)
        if options.audit:
            audit(shown, test, options.seed, RESULTS / f"explanations-audit-{name}.csv")
    for name in [options.backbone, *options.others]:
        results[f"untuned {Path(name).name}"], _ = of_explainer(
            LocalExplainer(name, options.seed, tries=1), test
        )
        write_json(results, out)


if __name__ == "__main__":
    main()
