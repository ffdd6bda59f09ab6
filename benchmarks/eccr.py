"""ECCR side by side: `python benchmarks/eccr.py prepare | pack | train | report`, in that order.

prepare   splits, lists, baselines and codes of each data set and seed (CPU, some minutes each)
pack      what training reads, in one folder of less than 64 MiB
train     the language model, all variants (reads nothing but that folder): on a GPU minutes, with
          `--size cpu` less is learned and asked, ten minutes a run on a core
report    tables, as JSON under benchmarks/results and on the screen
"""

from __future__ import annotations

import argparse
from pathlib import Path

SECONDS = 270
DATA = ("bundles-electronic", "bundles-clothing", "amazon-office")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=["prepare", "pack", "train", "report"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("../shared/models"))
    parser.add_argument("--work", type=Path, default=Path("eccr-work"))
    parser.add_argument("--packed", type=Path, default=Path("eccr-packed"))
    parser.add_argument("--results", type=Path, default=Path("eccr-results"))
    parser.add_argument("--only", default=",".join(DATA))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="of training, all runs together"
    )
    sizes = ["gpu", "cpu", "tiny"]
    parser.add_argument("--size", default="gpu", choices=sizes, help="of training; tiny to try it")
    parser.add_argument("--part", type=int, default=0, help="of so many parts of the runs")
    parser.add_argument("--parts", type=int, default=1)
    options = parser.parse_args()
    names, seeds = options.only.split(","), [int(s) for s in options.seeds.split(",")]
    cases = [f"{name}-{seed}" for seed in seeds for name in names]
    if options.stage == "prepare":
        from eccr_prepare import prepare

        for case in cases:
            name, _, seed = case.rpartition("-")
            prepare(options.data, name, int(seed), options.models, options.work)
    elif options.stage == "pack":
        from eccr_prepare import pack

        pack(options.work, options.data, options.models, options.packed, cases)
    elif options.stage == "train":
        from eccr_train import SIZES, train_all

        where = options.packed, cases, options.results
        train_all(*where, options.seconds, SIZES[options.size], options.part, options.parts)
    else:
        from eccr_report import report

        report(
            options.work,
            options.packed,
            options.results,
            cases,
            data=options.data,
            models=options.models,
        )


if __name__ == "__main__":
    main()
