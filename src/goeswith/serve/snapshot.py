"""Snapshots of the service: a request uses one, so that no response mixes two builds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from goeswith.facts.fact_values import column_kind
from goeswith.health.live_health import HealthReader
from goeswith.serve.responses import ResponseCache

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from goeswith.core.arrays import Rows
    from goeswith.query.bundle import Bundle

SNAPSHOT_KEY: Final = "goeswith.snapshot"
"""Key of the ASGI scope with the `Snapshot` of a request."""
MAX_BEST_SELLERS: Final = 50
_MAX_TYPES: Final = 200


@dataclass(frozen=True)
class Snapshot:
    """An open bundle with values that are computed once.

    Attributes:
        bundle: with every file mapped or read, since a later fit may remove them.
        live: whether its models are loaded.
        report_file: content of `serve.report`; None if the setting is not set.
        cache_bytes: maximum size of the response cache.
        columns: attributes of the catalogue, except the id.
        cache: responses for frequent requests.
    """

    bundle: Bundle
    live: bool = True
    report_file: dict[str, Any] | None = None
    cache_bytes: int = 0
    columns: tuple[str, ...] = field(init=False)
    cache: ResponseCache = field(init=False)

    def __post_init__(self) -> None:
        # mapped now, so that neither the first request waits nor a later fit takes files away
        names = tuple(name for name in self.bundle.table.frame.columns if name != "product_id")
        object.__setattr__(self, "columns", names)
        object.__setattr__(self, "cache", ResponseCache(self.cache_bytes))
        self.bundle.live.prepare()
        self.bundle.refresh()
        if self.live:
            self.bundle.scorer.load()
        self.bundle.online = self.live

    @property
    def report(self) -> dict[str, Any] | None:
        """Benchmark results: of the file in the settings, else of the bundle."""
        stored: dict[str, Any] | None = self.bundle.manifest.get("metrics")
        return self.report_file if self.report_file is not None else stored

    @cached_property
    def health(self) -> HealthReader:
        """Content of /v1/health/recommendations."""
        return HealthReader(self.bundle)

    @cached_property
    def info(self) -> dict[str, Any]:
        """Content of /v1/bundle, except for the report."""
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
                for code, count in counts.most_common(_MAX_TYPES)
            ],
            "filters": [
                {"column": column, "kind": kind}
                for column in ("product_id", *self.columns)
                if (kind := column_kind(bundle.table.frame.schema[column]))
            ],
            "counted": bundle.evidence.counted,
            "explained": bundle.evidence.counted,
        }

    def best_sellers(self, k: int) -> list[dict[str, Any]]:
        """The products bought most that are available, at most `k`."""
        bundle = self.bundle
        bundle.refresh()
        rows, counts = self._most_purchased
        available = bundle.live.available(rows)
        if available is not None:
            rows, counts = rows[available], counts[available]
        return [
            {**vars(product), "purchases": count}
            for product, count in zip(
                bundle.summaries(rows[:k].tolist()), counts[:k].tolist(), strict=True
            )
        ]

    @cached_property
    def _most_purchased(self) -> tuple[Rows, npt.NDArray[np.int64]]:
        """More rows than are shown, in case some are not available, and their counts."""
        return self.bundle.evidence.most_purchased(10 * MAX_BEST_SELLERS)


class SnapshotHolder:
    """Holds the current snapshot, `app.state.snapshot_holder`; swapping is one assignment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __call__(self) -> Snapshot:
        """What answers now."""
        return self._snapshot

    def swap(self, snapshot: Snapshot) -> Snapshot:
        """Have requests from now on answered by `snapshot`; returns what answered before."""
        before, self._snapshot = self._snapshot, snapshot
        return before
