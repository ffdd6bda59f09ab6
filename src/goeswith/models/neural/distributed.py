"""Several processes that train one model: what `torchrun` starts, each with its share of a batch.

Every worker has the complete model and the same seeds, so that all draw the same batches; of each
it takes its share. A step goes down the gradient of the mean over the terms of all shares, whatever
their sizes: what one process would do. The workers stay the same to the last bit: any of them can
be asked, and the first one keeps the checkpoints.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

RowsT = TypeVar("RowsT", bound=npt.NDArray[np.integer[Any]])


@dataclass(frozen=True)
class Workers:
    """This process among those that train a model.

    Attributes:
        rank: from 0 on.
        size: how many there are; 1 without `torchrun`.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def here(cls) -> Self:
        """Join those that `torchrun` has started, over gloo, or nccl where each has a GPU."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        import torch
        from torch import distributed

        if not distributed.is_initialized():
            from torch.distributed.rendezvous import rendezvous

            cuda = torch.cuda.is_available()
            if cuda:
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            store, rank, size = next(iter(rendezvous("env://")))
            # torchrun keeps its store over a restart: without a place of their own, workers could
            # read the address of one that is dead
            attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
            own = distributed.PrefixStore(f"goeswith/{attempt}", store)  # type: ignore[attr-defined]
            backend = "nccl" if cuda else "gloo"
            distributed.init_process_group(backend, store=own, rank=rank, world_size=size)
        return cls(distributed.get_rank(), distributed.get_world_size())

    def share(self, rows: RowsT) -> RowsT:
        """This worker's part of a batch, or of what is drawn for it, to within one row.

        It is empty where there are fewer rows than workers.
        """
        return rows[self.rank :: self.size]  # type: ignore[return-value]

    def add_gradients(self, module: torch.nn.Module) -> None:
        """Replace every gradient by its sum over the workers."""
        if self.size == 1:
            return
        import torch
        from torch import distributed

        for parameter in module.parameters():
            if parameter.grad is None:  # all of them must give something to add
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)

    def wait(self) -> None:
        """Go on when all workers have come here."""
        self.sum(0)

    def sum(self, value: float) -> float:
        """The sum of a figure over the workers, the same for all."""
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        where = "cuda" if torch.cuda.is_available() else "cpu"
        total = torch.tensor(value, dtype=torch.float64, device=where)
        distributed.all_reduce(total)
        return float(total)

    def mean(self, value: float) -> float:
        """The mean of a figure over the workers, the same for all."""
        return self.sum(value) / self.size
