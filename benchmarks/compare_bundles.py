"""Two bundles of one catalogue side by side: how many recommendations are the same.

    python benchmarks/compare_bundles.py OLD NEW

Reads the precomputed recommendations of both, whatever version wrote them, and prints how many
products have the same first k, the same scores and the same models.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file


def read(bundle: Path) -> dict[str, Any]:
    """Ids, recommendations, scores and model names of a bundle."""
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    build = next(folder for folder in bundle.glob("build-*") if folder.is_dir())
    arrays = load_file(build / "answers.safetensors")
    lookup = load_file(build / "lookup.safetensors")
    ends = lookup["id.offsets"]
    content = lookup["id.bytes"].tobytes()
    ids = [content[a:b].decode() for a, b in pairwise(ends.tolist())]
    place = arrays["model_index"] if "model_index" in arrays else arrays["origin"]
    return {
        "ids": ids,
        "models": manifest["models"],
        "products": arrays["products"],
        "scores": arrays["scores"],
        "model": place,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    old, new = read(options.old), read(options.new)
    same_products = (old["products"] == new["products"]).all(axis=1)
    both = np.isfinite(old["scores"]) & np.isfinite(new["scores"])
    gaps = np.abs(old["scores"][both] - new["scores"][both])
    print(
        json.dumps(
            {
                "products": len(old["ids"]),
                "same catalogue": old["ids"] == new["ids"],
                "same models": old["models"] == new["models"],
                "products with the same recommendations": int(same_products.sum()),
                "largest difference of a score": float(gaps.max(initial=0)),
                "recommendations from the same model": float((old["model"] == new["model"]).mean()),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
