"""The bundle that answers now: taken once by a request, so that no answer mixes two builds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from goeswith.serve.responses import Remembered

if TYPE_CHECKING:
    from goeswith.query.bundle import Bundle

TAKEN: Final = "goeswith.current"
"""Key of a request's scope under which the `Current` that it took stands."""
_MOST_TYPES: Final = 200


@dataclass(frozen=True)
class Current:
    """A bundle ready to be asked, with what is worked out of it once.

    Attributes:
        bundle: every file of it is mapped or read: a later fit may remove them.
        live: whether its models are in memory.
        named_report: what `serve.report` holds; None where the setting names no file.
        remember: bytes of answers, as they were sent, to remember.
        columns: attributes of the catalogue, but the id.
        remembered: those answers.
    """

    bundle: Bundle
    live: bool = True
    named_report: dict[str, Any] | None = None
    remember: int = 0
    columns: tuple[str, ...] = field(init=False)
    remembered: Remembered = field(init=False)

    def __post_init__(self) -> None:
        # mapped now, so that neither the first request waits nor a later fit takes files away
        names = tuple(name for name in self.bundle.table.frame.columns if name != "product_id")
        object.__setattr__(self, "columns", names)
        object.__setattr__(self, "remembered", Remembered(self.remember))
        if self.live:
            self.bundle.scorer.load()
        self.bundle.online = self.live

    @property
    def report(self) -> dict[str, Any] | None:
        """What a benchmark measured: of the file that the settings name, else of the bundle."""
        kept: dict[str, Any] | None = self.bundle.manifest.get("metrics")
        return self.named_report if self.named_report is not None else kept

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What /v1/bundle tells, but for the report."""
        bundle, manifest = self.bundle, self.bundle.manifest
        names = bundle.products.type_names
        counts = Counter(code for code in bundle.products.type_codes.tolist() if code >= 0)
        fitted = bundle.scorer.specs
        return {
            "created": manifest["created"],
            "data": manifest["data"]["name"],
            "products": len(bundle),
            "k": bundle.k,
            "models": fitted,
            "probabilities": manifest.get("probabilities", []),
            "session_model": bundle.session_model if self.live else None,
            "types": [
                {"type": names[code], "products": count}
                for code, count in counts.most_common(_MOST_TYPES)
            ],
            "filters": [
                {"column": column, "kind": kind}
                for column in ("product_id", *self.columns)
                if (kind := _kind(bundle.table.frame.schema[column]))
            ],
            "explained": bundle.evidence.counted,
        }


def _kind(dtype: Any) -> str | None:
    """What a filter takes a column for; None where it cannot be filtered."""
    import polars as pl

    if isinstance(dtype, pl.List | pl.Array):
        return "list"
    if dtype.is_nested():
        return None
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    return "time" if dtype.is_temporal() else "text"


class Holder:
    """Hands out what answers now; `app.state.current` is one. Swapping is one assignment."""

    def __init__(self, current: Current) -> None:
        self._current = current

    def __call__(self) -> Current:
        """What answers now."""
        return self._current

    def swap(self, current: Current) -> Current:
        """Have requests from now on answered by `current`; returns what answered before."""
        before, self._current = self._current, current
        return before
