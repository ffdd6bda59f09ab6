"""A few mutations of every kind of `benchmarks/bundle_mutations.py`, and odd entries of a build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.errors import BundleError
from goeswith.query.bundle import Bundle
from goeswith.ranking.tree_text import check_trees
from goeswith.store.manifest import file_sha256, manifest_sha256, read_manifest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RUN = """
import importlib, json, sys
from contextlib import suppress
from functools import partial
from pathlib import Path
sys.path.insert(0, sys.argv[1])
for library in ("sklearn.decomposition", "torch._dynamo"):
    with suppress(ImportError):
        importlib.import_module(library)  # once, not in each child
from bundle_mutations import in_child, run
from bundle_sources import SOURCES
folder = Path(sys.argv[2])
for name, fit in SOURCES.items():
    in_child(partial(fit, folder / name))
sources = {name: folder / name / "bundle" for name in SOURCES}
print(json.dumps(run(sources, range(int(sys.argv[3])), seed=7, seconds=60)))
"""


def test_mutated_bundles_are_answered_from_or_refused(tmp_path: Path) -> None:
    # in a process of its own: it forks, and this one has threads of torch
    done = subprocess.run(
        [sys.executable, "-c", RUN, BENCHMARKS, tmp_path, "64"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 64
    assert len({one["kind"] for one in found}) > 6
    assert {one["bundle"] for one in found} == {"default", "models"}
    assert [one for one in found if one["outcome"] not in ("ok", "refused")] == []
    assert sum(one["outcome"] == "refused" for one in found) > 30


@pytest.fixture
def copy(shop_bundle: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(shop_bundle, tmp_path / "bundle"))


def sign(path: Path, name: str) -> None:
    """Have the manifest list a file as it is."""
    manifest = json.loads((path / "manifest.json").read_text())
    file = path / manifest["build"] / name
    manifest["files"][name] = {"bytes": file.stat().st_size, "sha256": file_sha256(file)}
    manifest["sha256"] = manifest_sha256(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("pipe", "is a pipe"),
        ("link", "is a link"),
        ("device", "is a link"),
        ("folder", "but the manifest lists"),
        ("unlisted", "is not listed"),
        ("unlisted pipe", "is a pipe"),
        ("build", "is a link, not a folder"),
        ("manifest", "is a pipe"),
    ],
)
def test_odd_entries_are_refused_before_they_are_opened(
    copy: Path, kind: str, message: str, verify: bool
) -> None:
    build = read_manifest(copy).folder
    file = build / "search.safetensors"
    if kind == "unlisted":
        (build / "fallbacks" / "9-popularity").mkdir(parents=True)
        (build / "fallbacks" / "9-popularity" / "model.json").write_text("{}")
    elif kind == "unlisted pipe":
        os.mkfifo(build / "session" / "pipe")
    elif kind == "build":
        build.rename(copy / "elsewhere")
        build.symlink_to(copy / "elsewhere")
    elif kind == "manifest":
        (copy / "manifest.json").unlink()
        os.mkfifo(copy / "manifest.json")
    else:
        file.unlink()
        {
            "pipe": lambda: os.mkfifo(file),
            "link": lambda: file.symlink_to("/etc/hostname"),
            "device": lambda: file.symlink_to("/dev/zero"),
            "folder": file.mkdir,
        }[kind]()
    with pytest.raises(BundleError, match=message):
        Bundle.open(copy, verify=verify)


@pytest.mark.parametrize(
    ("name", "array", "value"),
    [
        ("lookup.safetensors", "id.offsets", 2**40),
        ("lookup.safetensors", "type.codes", 10**6),
        ("search.safetensors", "ranks", -5),
        ("evidence.safetensors", "bought.indices", 10**8),
        ("evidence.safetensors", "bought.indptr", 10**8),
        ("answers.safetensors", "products", 10**8),
        ("similars.safetensors", "token.indices", -1),
        ("reverse.safetensors", "indptr", 10**9),
    ],
)
def test_an_array_out_of_range_is_refused_with_its_name(
    copy: Path, name: str, array: str, value: int
) -> None:
    from safetensors.numpy import load_file, save_file

    file = read_manifest(copy).folder / name
    arrays = load_file(file)
    changed = arrays[array].copy()
    changed.reshape(-1)[changed.size // 2] = value
    save_file({**arrays, array: changed}, file)
    sign(copy, name)
    with pytest.raises(BundleError, match=array.replace(".", r"\.")):
        Bundle.open(copy, verify=True)


def test_a_matrix_of_a_model_out_of_range_is_refused(tmp_path: Path) -> None:
    from scipy import sparse

    matrix = sparse.random(5, 5, 0.5, format="csr", random_state=1)
    matrix.indices[0] = 10**8
    save_arrays({"near": matrix}, tmp_path / "model.safetensors")
    with pytest.raises(BundleError, match="'near' is damaged"):
        load_arrays(tmp_path / "model.safetensors")


def test_a_matrix_of_far_more_columns_than_entries_is_refused(tmp_path: Path) -> None:
    from scipy import sparse

    matrix = sparse.csr_matrix(([1.0], ([0], [1])), shape=(5, 2**31 - 1))
    save_arrays({"near": matrix}, tmp_path / "model.safetensors")
    with pytest.raises(BundleError, match=r"'near' is damaged: it has 2,147,483,647 columns for 1"):
        load_arrays(tmp_path / "model.safetensors")
    save_arrays({"near": sparse.csr_matrix((5, 1_000_000))}, tmp_path / "model.safetensors")
    assert load_arrays(tmp_path / "model.safetensors")["near"].shape == (5, 1_000_000)


def test_a_header_that_is_nested_too_deep_is_refused(copy: Path) -> None:
    file = read_manifest(copy).folder / "search.safetensors"
    text = b"[" * 200_000
    file.write_bytes(len(text).to_bytes(8, "little") + text)
    sign(copy, "search.safetensors")
    with pytest.raises(BundleError, match="not a complete safetensors file"):
        Bundle.open(copy)


@pytest.mark.parametrize(
    ("line", "old", "new"),
    [
        ("left_child", 0, "99"),
        ("left_child", 0, "0"),
        ("right_child", 0, "-99"),
        ("split_feature", 0, "7"),
        ("threshold", 0, "nan"),
        ("decision_type", 0, "1"),
        ("num_cat", 0, "1"),
        ("num_leaves", 0, "99"),
        ("tree_sizes", 0, "5"),
        ("max_feature_idx", 0, "500"),
        ("leaf_value", 0, "x"),
    ],
)
def test_trees_that_lead_anywhere_are_refused(line: str, old: int, new: str) -> None:
    with pytest.raises(ValueError, match=r"tree|number|values|convert"):
        check_trees(trees_with(line, old, new))


def test_a_split_of_missing_values_from_all_others_can_be_read() -> None:
    check_trees(trees_with("threshold", 1, "inf"), 3)  # as LightGBM writes it


def trees_with(line: str, place: int, value: str) -> str:
    """The text of two trees, in which one value of a line is replaced."""
    import lightgbm

    rng = np.random.default_rng(0)
    data = lightgbm.Dataset(rng.random((200, 3)), rng.random(200))
    text = lightgbm.train({"verbosity": -1, "num_leaves": 5}, data, 2).model_to_string()
    check_trees(text, 3)
    lines = text.split("\n")
    at = next(i for i, one in enumerate(lines) if one.startswith(f"{line}="))
    words = lines[at].partition("=")[2].split(" ")
    words[place] = value
    before = len(lines[at])
    lines[at] = f"{line}={' '.join(words)}"
    sizes = next(i for i, one in enumerate(lines) if one.startswith("tree_sizes="))
    if line not in ("tree_sizes", "max_feature_idx"):
        first, *rest = lines[sizes].partition("=")[2].split(" ")
        grown = len(lines[at]) - before
        lines[sizes] = f"tree_sizes={' '.join([str(int(first) + grown), *rest])}"
    return "\n".join(lines)
