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
import tempfile
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import sparse
from torch import Tensor

from goeswith.core.atomic_files import write_json
from goeswith.language.salam.behaviour_graph import BehaviourGraph
from goeswith.language.salam.config import SalamConfig
from goeswith.language.salam.judge import PAIR_CLASSES, Judge
from goeswith.language.salam.salam_model import Salam
from goeswith.language.salam.torch_build import make_network
from goeswith.language.salam.torch_salam_training import load_weights_into

HERE = Path(__file__).parent
TABLE = HERE.parent / "tests/language/salam/three_languages.csv"
LANGUAGES = ("en", "es", "ja")


def folder_of(weights: Path, config: Path, encoder: str, out: Path) -> Salam:
    said = json.loads(config.read_text())["config"]
    settings = SalamConfig.model_validate({**said, "encoder": encoder})
    nothing = sparse.csr_matrix((0, 0), dtype=np.float32)
    behaviour = BehaviourGraph(0, {"viewed": nothing, "bought": nothing})
    network = make_network(settings, behaviour, 384)
    load_weights_into(network, {name: value.float() for name, value in load_file(weights).items()})
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
        "classes": {k: [PAIR_CLASSES[i] for i in v.tolist()] for k, v in classes.items()},
    }


class Exported(torch.nn.Module):
    """The encoder in ONNX, run by onnxruntime on as many threads as torch has."""

    def __init__(self, encoder: Any, bits: int) -> None:
        import onnxruntime
        from onnxruntime.quantization import quantize_dynamic

        super().__init__()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "encoder.onnx"
            ids = torch.ones(2, 16, dtype=torch.int64)
            size = {0: torch.export.Dim("b"), 1: torch.export.Dim("l")}
            shapes = {"input_ids": size, "attention_mask": size}
            there = torch.ones_like(ids)
            there[0, 8:] = 0  # a mask of ones alone would be taken for none
            given = {"input_ids": ids, "attention_mask": there}
            torch.onnx.export(
                encoder, (), file, kwargs=given, dynamic_shapes=shapes, dynamo=True, verbose=False
            )
            if bits == 8:
                quantize_dynamic(file, file.with_name("int8.onnx"))
                file = file.with_name("int8.onnx")
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = torch.get_num_threads()
            self.session = onnxruntime.InferenceSession(file, options)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        """As the encoder's."""
        given = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        states = torch.from_numpy(self.session.run(None, given)[0])
        return SimpleNamespace(last_hidden_state=states)


def ways(encoder: Any) -> dict[str, tuple[Any, str]]:
    """Name -> encoder and precision; ONNX where onnxruntime and onnxscript are installed."""
    encoder.eval()
    made = {"float32": (encoder, "float32"), "bfloat16": (encoder, "bfloat16")}
    linear = {torch.nn.Linear}
    made["int8"] = torch.ao.quantization.quantize_dynamic(encoder, linear, torch.qint8), "float32"
    compiled = torch.compile(encoder, dynamic=True)
    made |= {f"{kind}, compiled": (compiled, kind) for kind in ("float32", "bfloat16")}
    if find_spec("onnxruntime") and find_spec("onnxscript"):
        made |= {
            f"{name}, ONNX": (Exported(encoder, bits), "float32")
            for name, bits in (("float32", 32), ("int8", 8))
        }
    return made


def throughput(judge: Judge, texts: list[str], pairs: int, runs: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    left, right = ([texts[i] for i in rng.integers(len(texts), size=pairs)] for _ in range(2))
    network = judge.model.network
    plain = network.encoder
    measured: dict[str, list[float]] = defaultdict(list)
    said: dict[str, Any] = {}
    tried = ways(plain)
    for run in range(runs + 1):  # the first is not counted
        for name, (encoder, precision) in tried.items():
            network.encoder = encoder
            network.config = network.config.model_copy(update={"precision": precision})
            began = time.process_time()  # of all threads: the machine may have other work
            said[name] = judge.texts(left, right)
            if run:
                measured[name].append(pairs / (time.process_time() - began))
                print(f"{name}: {measured[name][-1]:.1f} pairs a core's second", flush=True)
    network.encoder = plain
    return {
        "pairs": pairs,
        "threads": torch.get_num_threads(),
        "words": 2 * float(np.mean([len(t.split()) for t in texts])),
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
    arguments = parser.parse_args()
    model = folder_of(arguments.weights, arguments.config, arguments.encoder, arguments.model)
    judge = Judge.from_model(model, arguments.model)
    found: dict[str, Any] = {"languages": languages(judge)}
    print(json.dumps(found["languages"], indent=1))
    if arguments.texts is not None:
        found["throughput"] = throughput(
            judge, json.loads(arguments.texts.read_text()), arguments.pairs, arguments.runs
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
