"""Progress of a fit or an update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goeswith.core.progress import StepProgress


@dataclass
class FitProgress:
    """Progress in products with recommendations, over all models."""

    products: int
    models: int
    progress: StepProgress | None
    finished: int = 0

    def log(self, what: str) -> None:
        """Report the next step."""
        if self.progress is not None:
            self.progress(self.finished, self.products * self.models, what)

    def finish(self) -> None:
        """Report that all is done."""
        self.finished = self.products * self.models
        self.log("done")

    @contextmanager
    def model_steps(self, place: int, what: str) -> Iterator[Callable[[int], None]]:
        """Progress of one model; the yielded function takes its number of finished products."""
        self.finished = self.products * place
        self.log(f"fitting {what}")

        def on_batch(count: int) -> None:
            self.finished = self.products * place + count
            self.log(f"answering by {what}")

        yield on_batch
