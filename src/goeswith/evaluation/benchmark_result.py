"""What a benchmark measured, as a data frame, a page or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goeswith.core.atomic_files import write_json

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class BenchmarkResult:
    """Models side by side.

    Attributes:
        content: as `evaluation.comparison.benchmark` returns it, and as `--json` writes it.
    """

    content: dict[str, Any]

    @property
    def tables(self) -> list[dict[str, Any]]:
        """One for each protocol."""
        tables: list[dict[str, Any]] = self.content.get("protocols", [self.content])
        return tables

    def to_frame(self) -> pl.DataFrame:
        """One row a model and protocol, best first; a column a metric (mean over seeds).

        Beside the metrics: fit_seconds, score_seconds, and `refused`, why a model has no figures.
        """
        import polars as pl

        rows = [
            {
                "protocol": table["protocol"],
                "model": result["model"],
                **{name: metric["mean"] for name, metric in result["metrics"].items()},
                "fit_seconds": result["fit_seconds"],
                "score_seconds": result["score_seconds"],
                "refused": result.get("refused"),
            }
            for table in self.tables
            for result in sorted(table["results"], key=lambda one: -_first(one))
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def to_json(self, path: Path | str) -> None:
        """Write every figure, with its spread over seeds."""
        write_json(self.content, Path(path))

    def to_html(self, path: Path | str) -> None:
        """Write a report with plots: one file that needs nothing else."""
        from goeswith.evaluation.html_report import write_report

        write_report(self.content, Path(path))

    def __str__(self) -> str:
        return str(self.to_frame())

    def _repr_html_(self) -> str:
        """A table, as notebooks show it."""
        return self.to_frame()._repr_html_()


def _first(result: dict[str, Any]) -> float:
    """The metric that models are sorted by: the first that the protocol has."""
    return next((float(metric["mean"]) for metric in result["metrics"].values()), float("-inf"))
