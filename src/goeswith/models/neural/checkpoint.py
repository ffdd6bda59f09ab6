"""What a killed training goes on from: tensors by part, and the moments of its optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from goeswith.core.atomic_files import replacing

if TYPE_CHECKING:
    import torch


class Checkpoint(NamedTuple):
    """What was written of a run."""

    said: dict[str, str]
    """Beside the fingerprint: where it was, and its history."""
    parts: dict[str, dict[str, torch.Tensor]]
    """Tensors by part and name, on the CPU; a part that had none is missing."""

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors of a part; none where it had none."""
        return self.parts.get(name, {})


def write_checkpoint(
    path: Path,
    optimizer: torch.optim.Optimizer,
    said: Mapping[str, str],
    parts: Mapping[str, Mapping[str, torch.Tensor]],
) -> None:
    """Write a checkpoint, beside and renamed.

    Args:
        path: the file.
        optimizer: its moments are written.
        said: strings; the one called `fingerprint` tells this run from others.
        parts: tensors by part and name, such as weights `now` and at their `best`.
    """
    from safetensors.torch import save_file

    moments = {
        f"{index}/{slot}": value
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
    }
    tensors = {
        f"{part}/{name}": value.detach().contiguous()
        for part, named in {**parts, "optimizer": moments}.items()
        for name, value in named.items()
    }
    with replacing(path) as beside:
        save_file(tensors, beside, metadata=dict(said))


def read_checkpoint(
    path: Path, optimizer: torch.optim.Optimizer, fingerprint: str
) -> Checkpoint | None:
    """Read a checkpoint, and put its moments into the optimizer when all of it was read.

    Returns:
        None where there is none, where it is damaged, or of another run: it will be overwritten.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata() or {}
            if said.get("fingerprint") != fingerprint:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return None
    found = Checkpoint(said, {})
    for name, value in tensors.items():
        part, _, key = name.partition("/")
        found.parts.setdefault(part, {})[key] = value
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in found.parts.pop("optimizer", {}).items():
        index, slot = key.split("/")
        state.setdefault(int(index), {})[slot] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return found
