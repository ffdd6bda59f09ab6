"""What Prometheus reads: requests, times, answers by model, the bundle; nothing of products.

With several worker processes `PROMETHEUS_MULTIPROC_DIR` names an empty folder that they share,
set before the first of them imports prometheus_client; each then tells the sums of all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from goeswith.serve.responses import models_of

if TYPE_CHECKING:
    from goeswith.query.answer import Answer
    from goeswith.serve.snapshot import Holder

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Seconds."""


class Metrics:
    """Counts what the service does.

    Attributes:
        reloads: by `outcome`: swapped or refused.
    """

    def __init__(self, holder: Holder) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "goeswith_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "goeswith_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._answers = Counter(
            "goeswith_answers",
            "Products answered, by the model that chose them and whether it was a fallback.",
            ("model", "fallback"),
            registry=self._registry,
        )
        self._feedback = Counter(
            "goeswith_feedback_events", "Events of feedback kept.", registry=self._registry
        )
        self.reloads = Counter(
            "goeswith_reloads", "Bundles offered.", ("outcome",), registry=self._registry
        )
        for outcome in ("swapped", "refused"):
            self.reloads.labels(outcome)
        self._told_registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            # the files of all processes, and of this one what no sum tells
            self._told_registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(self._told_registry)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self._registry)
        self._told_registry.register(_OfBundle(holder))
        self._told: dict[tuple[str, str, int], Any] = {}
        self._timed: dict[str, Any] = {}
        self._counted: dict[tuple[str, bool], Any] = {}

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `route` is its template."""
        key = (route, method, status)
        counter = self._told.get(key)
        if counter is None:
            counter = self._told[key] = self._requests.labels(route, method, str(status))
            self._timed.setdefault(route, self._seconds.labels(route))
        counter.inc()
        self._timed[route].observe(seconds)

    def answered(self, answers: Iterable[Answer]) -> None:
        """Count answers."""
        for model, fallback, count in models_of(answers):
            self.answered_by(model, fallback, count)

    def answered_by(self, model: str, fallback: bool, count: int) -> None:
        """Count answers of one model."""
        counter = self._counted.get((model, fallback))
        if counter is None:
            told = "true" if fallback else "false"
            counter = self._counted[model, fallback] = self._answers.labels(model, told)
        counter.inc(count)

    def kept(self, events: int) -> None:
        """Count events of feedback."""
        self._feedback.inc(events)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._told_registry)


class _OfBundle(Collector):
    """Tells of the bundle that answers in this process."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read when asked, so that a swapped bundle leaves nothing behind."""
        bundle = self._holder().bundle
        told = GaugeMetricFamily(
            "goeswith_bundle_info", "The bundle that answers.", labels=("bundle", "goeswith")
        )
        told.add_metric((bundle.id, bundle.manifest["goeswith"]), 1)
        yield told
        yield GaugeMetricFamily(
            "goeswith_bundle_products", "Products of the bundle that answers.", len(bundle)
        )
        created = datetime.fromisoformat(bundle.manifest["created"]).timestamp()
        yield GaugeMetricFamily(
            "goeswith_bundle_created_seconds", "When the bundle was fitted, Unix time.", created
        )
