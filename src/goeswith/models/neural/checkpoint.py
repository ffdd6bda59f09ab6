"""Checkpoints of a training run: tensors by part, and the moments of the optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from goeswith.core.atomic_files import atomic_path

if TYPE_CHECKING:
    import torch


class Checkpoint(NamedTuple):
    """A checkpoint."""

    metadata: dict[str, str]
    """Strings beside the fingerprint: the position and the history of the run."""
    parts: dict[str, dict[str, torch.Tensor]]
    """Tensors by part and name, on the CPU; a part without tensors is absent."""

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors of a part; empty if it is absent."""
        return self.parts.get(name, {})


def write_checkpoint(
    path: Path,
    optimizer: torch.optim.Optimizer,
    metadata: Mapping[str, str],
    parts: Mapping[str, Mapping[str, torch.Tensor]],
) -> None:
    """Write a checkpoint, atomically.

    Args:
        path: the file.
        optimizer: its moments are written.
        metadata: strings; `fingerprint` identifies the run.
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
        for part, part_tensors in {**parts, "optimizer": moments}.items()
        for name, value in part_tensors.items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=dict(metadata))


def read_checkpoint(
    path: Path, optimizer: torch.optim.Optimizer, fingerprint: str
) -> Checkpoint | None:
    """Read a checkpoint, and restore the moments of the optimizer if it is complete.

    Returns:
        None if there is none, or it is damaged or of another run: it will be overwritten.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("fingerprint") != fingerprint:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return None
    checkpoint = Checkpoint(metadata, {})
    for name, value in tensors.items():
        part, _, key = name.partition("/")
        checkpoint.parts.setdefault(part, {})[key] = value
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in checkpoint.parts.pop("optimizer", {}).items():
        index, slot = key.split("/")
        state.setdefault(int(index), {})[slot] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return checkpoint
