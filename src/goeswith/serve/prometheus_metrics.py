"""Prometheus metrics: requests, times, recommendations by model, the bundle; no product ids.

With several worker processes `PROMETHEUS_MULTIPROC_DIR` is an empty folder that they share, set
before the first of them imports prometheus_client; each then exports the sums of all.
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

from goeswith.serve.responses import count_models

if TYPE_CHECKING:
    from goeswith.query.recommendation import Recommendation
    from goeswith.serve.snapshot import SnapshotHolder

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Seconds."""


class ServiceMetrics:
    """Counters and timers of the service.

    Attributes:
        reloads: by `outcome`: swapped or refused.
    """

    def __init__(self, holder: SnapshotHolder) -> None:
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
            "goeswith_feedback_events", "Feedback events stored.", registry=self._registry
        )
        self._lost_exposures = Counter(
            "goeswith_exposures_lost",
            "Answers that were sent, and could not be stored with the feedback.",
            registry=self._registry,
        )
        self.reloads = Counter(
            "goeswith_reloads", "Bundles offered.", ("outcome",), registry=self._registry
        )
        for outcome in ("swapped", "refused"):
            self.reloads.labels(outcome)
        self._key_files = Counter(
            "goeswith_key_file_changes",
            "Changes of the file of keys: read, faulty (the keys from before are valid for 30 s), "
            "closed (only the lines that can be read are valid).",
            ("outcome",),
            registry=self._registry,
        )
        for outcome in ("read", "faulty", "closed"):
            self._key_files.labels(outcome)
        self._refused = Counter(
            "goeswith_connections_refused",
            "Connections ended before their request reached the service, by status.",
            ("status",),
            registry=self._registry,
        )
        for status in (408, 431, 503):
            self._refused.labels(str(status))
        self._export_registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            # the sums of all processes; the collector below is of this process
            self._export_registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(self._export_registry)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self._registry)
        self._export_registry.register(_BundleCollector(holder))
        self._request_counters: dict[tuple[str, str, int], Any] = {}
        self._request_timers: dict[str, Any] = {}
        self._model_counters: dict[tuple[str, bool], Any] = {}

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `route` is its template."""
        key = (route, method, status)
        counter = self._request_counters.get(key)
        if counter is None:
            counter = self._request_counters[key] = self._requests.labels(
                route, method, str(status)
            )
            self._request_timers.setdefault(route, self._seconds.labels(route))
        counter.inc()
        self._request_timers[route].observe(seconds)

    def count_refused(self, status: int) -> None:
        """Count a connection that was ended below the application."""
        self._refused.labels(str(status)).inc()

    def count_key_file(self, outcome: str) -> None:
        """Count a change of the file of keys."""
        self._key_files.labels(outcome).inc()

    def count_recommendations(self, answers: Iterable[Recommendation]) -> None:
        """Count answers."""
        for model, fallback, count in count_models(answers):
            self.count_model(model, fallback, count)

    def count_model(self, model: str, fallback: bool, count: int) -> None:
        """Count answers of one model."""
        counter = self._model_counters.get((model, fallback))
        if counter is None:
            label = "true" if fallback else "false"
            counter = self._model_counters[model, fallback] = self._answers.labels(model, label)
        counter.inc(count)

    def count_lost_exposure(self) -> None:
        """Count an answer that could not be stored."""
        self._lost_exposures.inc()

    def count_feedback(self, events: int) -> None:
        """Count events of feedback."""
        self._feedback.inc(events)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._export_registry)


class _BundleCollector(Collector):
    """Metrics of the bundle of this process."""

    def __init__(self, holder: SnapshotHolder) -> None:
        self._holder = holder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the current bundle, so that a swapped one leaves no metric behind."""
        bundle = self._holder().bundle
        info = GaugeMetricFamily(
            "goeswith_bundle_info", "The bundle that answers.", labels=("bundle", "goeswith")
        )
        info.add_metric((bundle.id, bundle.manifest["goeswith"]), 1)
        yield info
        yield GaugeMetricFamily(
            "goeswith_bundle_products", "Products of the bundle that answers.", len(bundle)
        )
        created = datetime.fromisoformat(bundle.manifest["created"]).timestamp()
        yield GaugeMetricFamily(
            "goeswith_bundle_created_seconds", "When the bundle was fitted, Unix time.", created
        )
