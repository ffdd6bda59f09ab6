"""A sample of the shoppers of the protocol `next_basket`, by the options of a command."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from goeswith.data.folder import load_data
from goeswith.evaluation.protocols.case import BenchmarkData
from goeswith.evaluation.protocols.next_basket import NextBasketCase, next_basket
from goeswith.settings.sections import Settings


def sample_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options `data`, `--shoppers`, `--seed` and `--out`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data", type=Path, help="a folder of tables with purchases of users")
    parser.add_argument("--shoppers", type=int, default=3000, help="tested shoppers, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, and of models")
    parser.add_argument("-o", "--out", type=Path, required=True, help="JSON file of the figures")
    return parser


def sampled_case(given: argparse.Namespace) -> tuple[str, NextBasketCase]:
    """The name of the data, and the case: all shoppers are learned from, a sample is tested."""
    data = load_data(given.data)
    (case,) = next_basket(BenchmarkData(data, Settings()), given.seed)
    drawn = np.random.default_rng(given.seed).permutation(len(case.shoppers))[: given.shoppers]
    drawn.sort()
    case.shoppers, case.baskets = case.shoppers[drawn], case.baskets[drawn]
    return data.name, case
