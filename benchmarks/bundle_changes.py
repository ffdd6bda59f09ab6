"""Changes of the files of a bundle, for `bundle_mutations.py`."""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

EDGES: Final = (
    0,
    1,
    -1,
    2,
    127,
    255,
    2**15,
    2**31 - 1,
    -(2**31),
    2**31,
    2**32,
    2**63 - 1,
    -(2**63),
)
Change = Callable[[Path, dict[str, Any], random.Random], str]


def _file(build: Path, rng: random.Random, suffix: str = "") -> Path:
    return rng.choice(sorted(f for f in build.rglob(f"*{suffix}") if f.is_file()))


def flip_bytes(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    file = _file(build, rng)
    content = bytearray(file.read_bytes())
    for _i in range(rng.choice((1, 1, 4, 64))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    file.write_bytes(content)
    return file.name


def cut_or_extend(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    file = _file(build, rng)
    content = file.read_bytes()
    at = rng.randrange(len(content))
    file.write_bytes(rng.choice((content[:at], content + content[at:], content[at:], b"")))
    return file.name


def edge_values(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """An array of a safetensors file gets an extreme value, or is shuffled."""
    file = _file(build, rng, ".safetensors")
    content = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = {k: v for k, v in json.loads(content[8:start]).items() if k != "__metadata__"}
    entry = header[name := rng.choice(sorted(header))]
    begin, end = (start + at for at in entry["data_offsets"])
    size = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2}.get(
        entry["dtype"], 1
    )
    if end > begin:
        for _i in range(rng.choice((1, 1, 10))):
            at = begin + size * rng.randrange((end - begin) // size)
            if entry["dtype"].startswith("F") and size in (4, 8):
                value = rng.choice((float("nan"), float("inf"), -1.0, 1e30, 0.0))
                content[at : at + size] = struct.pack("<f" if size == 4 else "<d", value)
            else:
                number = rng.choice(EDGES) % 2 ** (8 * size)
                content[at : at + size] = number.to_bytes(size, "little")
    file.write_bytes(content)
    return f"{file.name}: {name}"


def header_fields(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """The JSON header of a safetensors file is edited."""
    file = _file(build, rng, ".safetensors")
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = edit_json(json.loads(content[8:start]), rng)
    text = json.dumps(header).encode() if rng.random() < 0.95 else b"[" * 100_000
    file.write_bytes(len(text).to_bytes(8, "little") + text + content[start:])
    return file.name


def json_files(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """A JSON file of a model is edited."""
    file = _file(build, rng, ".json")
    content = edit_json(json.loads(file.read_text()), rng)
    file.write_text(json.dumps(content) if rng.random() < 0.9 else '{"a":' * 50_000)
    return file.name


def manifest_fields(_: Path, manifest: dict[str, Any], rng: random.Random) -> str:
    """A field of the manifest is edited."""
    before = {key: manifest[key] for key in ("build", "format")}
    edited = edit_json(json.loads(json.dumps(manifest)), rng)
    manifest.clear()
    manifest.update({**edited, **(before if rng.random() < 0.9 else {})})
    manifest.setdefault("files", {})
    return "manifest.json"


def edit_json(content: Any, rng: random.Random) -> Any:
    """A value somewhere in JSON is replaced, removed or duplicated."""
    places: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                collect(node[key])

    collect(content)
    for _i in range(rng.choice((1, 1, 2))):
        if not places:
            return []
        node, key = rng.choice(places)
        nested: Any = []
        for _j in range(300):
            nested = [nested]
        values = (None, True, -1, 0, 2**40, 1.5, "", "x" * 10_000, [], {}, "ranker", nested)
        if isinstance(node, dict) and key in node and rng.random() < 0.2:
            del node[key]
        elif isinstance(node, list) or key in node:
            try:
                node[key] = rng.choice(values)
            except IndexError:
                continue
    return content


def tree_text(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """A number in the text of the trees is changed, at the same length of the file or not."""
    from goeswith.core.arrays_file import load_arrays, save_arrays

    files = [build / "model" / "model.safetensors", build / "shoppers/model/model.safetensors"]
    file = rng.choice([file for file in files if file.is_file()])
    arrays = load_arrays(file)
    import numpy as np

    names = [name for name in arrays if "trees" in name]
    if not names:
        return edge_values(build, {}, rng)
    name = rng.choice(sorted(names))
    lines = arrays[name].tobytes().decode().split("\n")
    at = rng.choice([i for i, line in enumerate(lines) if "=" in line])
    words = lines[at].partition("=")[2].split(" ")
    words[rng.randrange(len(words))] = str(rng.choice((*EDGES, "x", "", "nan", 1e308, 3, -3)))
    lines[at] = f"{lines[at].partition('=')[0]}={' '.join(words)}"
    if rng.random() < 0.1:
        del lines[at]
    text = "\n".join(lines).encode()
    save_arrays({**arrays, name: np.frombuffer(text, dtype=np.uint8)}, file)
    return f"{file.name}: {name}: {lines[min(at, len(lines) - 1)].partition('=')[0]}"


def arrow_offsets(build: Path, _: dict[str, Any], rng: random.Random) -> str:
    """A word of the Arrow table, which may be an offset, a length or metadata."""
    file = build / "products.arrow"
    content = bytearray(file.read_bytes())
    for _i in range(rng.choice((1, 1, 3))):
        at = 4 * rng.randrange(len(content) // 4)
        content[at : at + 4] = (rng.choice(EDGES) % 2**32).to_bytes(4, "little")
    file.write_bytes(content)
    return file.name


def odd_entries(build: Path, manifest: dict[str, Any], rng: random.Random) -> str:
    """A pipe, a link, a folder, a device or an unlisted file in place of a file."""
    file = _file(build, rng)
    kind = rng.choice(
        ("pipe", "link", "folder", "unlisted", "zero", "build", "manifest", "missing")
    )
    if kind == "unlisted":
        extra = build / rng.choice(("fallbacks/9-popularity", "session/x", "rare/y", "model/z"))
        extra.parent.mkdir(parents=True, exist_ok=True)
        rng.choice((lambda: os.mkfifo(extra), lambda: extra.write_text("{}")))()
    elif kind == "build":
        build.rename(build.parent / "moved")
        build.symlink_to(build.parent / "moved")
    elif kind == "manifest":
        manifest["_pipe"] = True
    else:
        file.unlink()
        if kind == "pipe":
            os.mkfifo(file)
        elif kind == "link":
            file.symlink_to("/etc/hostname")
        elif kind == "zero":
            file.symlink_to("/dev/zero")
        elif kind == "folder":
            file.mkdir()
    return f"{kind} {file.name}"


CHANGES: Final[dict[str, Change]] = {
    change.__name__: change
    for change in (
        flip_bytes,
        cut_or_extend,
        edge_values,
        header_fields,
        json_files,
        manifest_fields,
        tree_text,
        arrow_offsets,
        odd_entries,
    )
}
WEIGHTS: Final = (15, 8, 25, 10, 8, 10, 10, 10, 4)
