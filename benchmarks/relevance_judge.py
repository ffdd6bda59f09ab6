"""The judge of three regions as a model's folder; languages; and its speed.

    python benchmarks/relevance_judge.py WEIGHTS CONFIG ENCODER MODEL

WEIGHTS and CONFIG are what `relevance_train.py` leaves of its experiment `judge` (judge.weights,
judge.json), ENCODER the whole encoder that it was cut from. MODEL becomes the folder of a judge
that reads texts alone. Into results/relevance-judge.json go the share of pairs that get one class
in three languages (tests/language/salam/three_languages.csv), and pairs read in a core's second.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import sparse

from goeswith.files import write_json
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.judge import JUDGED, Judge
from goeswith.language.salam.model import Salam
from goeswith.language.salam.nodes import Behaviour
from goeswith.language.salam.torch_build import make_network
from goeswith.language.salam.torch_training import put

HERE = Path(__file__).parent
TABLE = HERE.parent / "tests/language/salam/three_languages.csv"
LANGUAGES = ("en", "es", "ja")


def folder_of(weights: Path, config: Path, encoder: str, out: Path) -> Salam:
    said = json.loads(config.read_text())["config"]
    settings = SalamConfig.model_validate({**said, "encoder": encoder})
    nothing = sparse.csr_matrix((0, 0), dtype=np.float32)
    behaviour = Behaviour(0, {"viewed": nothing, "bought": nothing})
    network = make_network(settings, behaviour, 384)
    put(network, {name: value.float() for name, value in load_file(weights).items()})
    model = Salam(settings, {}, network, behaviour, np.zeros((0, 384), np.float16))
    model.save(out)
    return model


def languages(judge: Judge) -> dict[str, Any]:
    with TABLE.open() as file:
        rows = list(csv.DictReader(file))
    found = {
        language: judge.texts(
            [r[f"left_{language}"] for r in rows], [r[f"right_{language}"] for r in rows]
        )
        for language in LANGUAGES
    }
    classes = {language: p.argmax(axis=1) for language, p in found.items()}
    return {
        "pairs": len(rows),
        "same_class": {
            f"{one} {other}": float((classes[one] == classes[other]).mean())
            for one, other in (("en", "es"), ("en", "ja"), ("es", "ja"))
        },
        "all_three": float(
            np.mean((classes["en"] == classes["es"]) & (classes["en"] == classes["ja"]))
        ),
        # the same with the right ends dealt anew: what agreement there is by chance
        "by_chance": float(np.mean(classes["en"][:, None] == classes["es"][None, :])),
        "classes": {k: [JUDGED[i] for i in v.tolist()] for k, v in classes.items()},
    }


def throughput(judge: Judge, texts: list[str], pairs: int, runs: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    left, right = ([texts[i] for i in rng.integers(len(texts), size=pairs)] for _ in range(2))
    network = judge.model.network
    plain = network.encoder
    ways: dict[str, Any] = {"float32": plain}
    ways["int8"] = torch.ao.quantization.quantize_dynamic(plain, {torch.nn.Linear}, torch.qint8)
    measured: dict[str, list[float]] = {name: [] for name in ways}
    said: dict[str, Any] = {}
    for run in range(runs + 1):  # the first is not counted
        for name, encoder in ways.items():
            network.encoder = encoder
            began = time.process_time()  # of one core: the machine may have other work
            said[name] = judge.texts(left, right)
            if run:
                measured[name].append(pairs / (time.process_time() - began))
    network.encoder = plain
    return {
        "pairs": pairs,
        "threads": torch.get_num_threads(),
        "tokens": 2 * float(np.mean([len(t.split()) for t in texts])),
        "pairs_per_core_second": {name: median(values) for name, values in measured.items()},
        "same_class_as_float32": {
            name: float((p.argmax(axis=1) == said["float32"].argmax(axis=1)).mean())
            for name, p in said.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("weights", "config"):
        parser.add_argument(name, type=Path)
    parser.add_argument("encoder")
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=Path, help="JSON list of texts, for pairs a second")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    model = folder_of(asked.weights, asked.config, asked.encoder, asked.model)
    judge = Judge.of(model, asked.model)
    found: dict[str, Any] = {"languages": languages(judge)}
    print(json.dumps(found["languages"], indent=1))
    if asked.texts is not None:
        found["throughput"] = throughput(
            judge, json.loads(asked.texts.read_text()), asked.pairs, asked.runs
        )
        print(json.dumps(found["throughput"], indent=1))
        write_json(
            {
                "command": "python benchmarks/relevance_judge.py",
                "torch": torch.__version__,
                **found,
            },
            HERE / "results" / "relevance-judge.json",
        )


if __name__ == "__main__":
    main()
