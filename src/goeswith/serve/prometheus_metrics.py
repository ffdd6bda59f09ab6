"""Prometheus metrics: requests, times, recommendations by model, the bundle; no product ids.

With several worker processes `PROMETHEUS_MULTIPROC_DIR` is an empty folder that they share, set
before the first of them imports prometheus_client; each then exports the sums of all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
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


class MetricFamilies:
    """The metrics of a process; with several shops, each has the label `shop`.

    Attributes:
        holders: shop, or None -> its snapshots.
    """

    def __init__(self, *, several: bool = False) -> None:
        self.registry = CollectorRegistry()
        self.holders: dict[str | None, SnapshotHolder] = {}
        shop = ("shop",) if several else ()
        self.requests = self._counter(
            "requests", "Requests answered.", ("route", "method", "status", *shop)
        )
        self.seconds = Histogram(
            "goeswith_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ("route", *shop),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.answers = self._counter(
            "answers",
            "Products answered, by the model that chose them and whether it was a fallback.",
            ("model", "fallback", *shop),
        )
        self.feedback = self._counter("feedback_events", "Feedback events stored.", shop)
        self.lost_exposures = self._counter(
            "exposures_lost",
            "Answers that were sent, and could not be stored with the feedback.",
            shop,
        )
        self.uncounted = self._counter(
            "answers_uncounted",
            "Stored answers that learners do not count: their client has had too many shoppers "
            "today.",
            shop,
        )
        self.reloads = self._counter("reloads", "Bundles offered.", ("outcome", *shop))
        self.key_files = self._counter(
            "key_file_changes",
            "Changes of the file of keys: read, faulty (the keys from before are valid for 30 s), "
            "closed (only the lines that can be read are valid).",
            ("outcome", *shop),
        )
        self.refused = self._counter(
            "connections_refused",
            "Connections ended before their request reached the service, by status.",
            ("status",),
        )
        for status in (408, 431, 503):
            self.refused.labels(str(status))
        self.export_registry = self.registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            # the sums of all processes; the collector below is of this process
            self.export_registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(self.export_registry)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=self.registry)
        self.export_registry.register(_BundleCollector(self.holders))

    def _counter(self, name: str, description: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"goeswith_{name}", description, labels, registry=self.registry)

    def count_refused(self, status: int) -> None:
        """Count a connection that was ended below the application."""
        self.refused.labels(str(status)).inc()


class ServiceMetrics:
    """Counters and timers of a service, or of one of its shops."""

    def __init__(
        self,
        holder: SnapshotHolder,
        families: MetricFamilies | None = None,
        shop: str | None = None,
    ) -> None:
        """Args: holder: of the bundle; families: shared by the shops of a process; shop: name."""
        self._families = families or MetricFamilies()
        self._families.holders[shop] = holder
        self._shop = shop
        self._labels = () if shop is None else (shop,)
        self._feedback = self._bind(self._families.feedback)
        self._lost_exposures = self._bind(self._families.lost_exposures)
        self._uncounted = self._bind(self._families.uncounted)
        for outcome in ("swapped", "refused", "postponed"):
            self._bind(self._families.reloads, outcome)
        for outcome in ("read", "faulty", "closed"):
            self._bind(self._families.key_files, outcome)
        self._request_counters: dict[tuple[str, str, int], Any] = {}
        self._request_timers: dict[str, Any] = {}
        self._model_counters: dict[tuple[str, bool], Any] = {}

    def _bind(self, family: Any, *labels: str) -> Any:
        labels = (*labels, *self._labels)
        return family.labels(*labels) if labels else family

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `route` is its template."""
        key = (route, method, status)
        counter = self._request_counters.get(key)
        if counter is None:
            counter = self._bind(self._families.requests, route, method, str(status))
            self._request_counters[key] = counter
            self._request_timers.setdefault(route, self._bind(self._families.seconds, route))
        counter.inc()
        self._request_timers[route].observe(seconds)

    def count_refused(self, status: int) -> None:
        """Count a connection that was ended below the application."""
        self._families.count_refused(status)

    def count_reload(self, outcome: str) -> None:
        """Count a bundle that was swapped in, refused or is to be tried again."""
        self._bind(self._families.reloads, outcome).inc()

    def count_key_file(self, outcome: str) -> None:
        """Count a change of the file of keys."""
        self._bind(self._families.key_files, outcome).inc()

    def count_recommendations(self, answers: Iterable[Recommendation]) -> None:
        """Count answers."""
        for model, fallback, count in count_models(answers):
            self.count_model(model, fallback, count)

    def count_model(self, model: str, fallback: bool, count: int) -> None:
        """Count answers of one model."""
        counter = self._model_counters.get((model, fallback))
        if counter is None:
            label = "true" if fallback else "false"
            counter = self._bind(self._families.answers, model, label)
            self._model_counters[model, fallback] = counter
        counter.inc(count)

    def count_lost_exposure(self) -> None:
        """Count an answer that could not be stored."""
        self._lost_exposures.inc()

    def count_uncounted_answer(self) -> None:
        """Count an answer that learners do not count."""
        self._uncounted.inc()

    def count_feedback(self, events: int) -> None:
        """Count events of feedback."""
        self._feedback.inc(events)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus; of a shop, its own and the process's."""
        registry = self._families.export_registry
        return generate_latest(registry if self._shop is None else _OfShop(registry, self._shop))


class _OfShop(Collector):
    """The samples of one shop, and those without a shop."""

    def __init__(self, registry: CollectorRegistry, shop: str) -> None:
        self._registry, self._shop = registry, shop

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            own = [
                one for one in family.samples if one.labels.get("shop", self._shop) == self._shop
            ]
            if own:
                family.samples = own
                yield family


class _BundleCollector(Collector):
    """Metrics of the bundles of this process."""

    def __init__(self, holders: Mapping[str | None, SnapshotHolder]) -> None:
        self._holders = holders

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the current bundles, so that a swapped one leaves no metric behind."""
        shop = [] if None in self._holders else ["shop"]
        info = GaugeMetricFamily(
            "goeswith_bundle_info",
            "The bundle that answers.",
            labels=["bundle", "goeswith", *shop],
        )
        products = GaugeMetricFamily(
            "goeswith_bundle_products", "Products of the bundle that answers.", labels=shop
        )
        created = GaugeMetricFamily(
            "goeswith_bundle_created_seconds", "When the bundle was fitted, Unix time.", labels=shop
        )
        for name, holder in self._holders.items():
            bundle, labels = holder().bundle, [] if name is None else [name]
            info.add_metric([bundle.id, bundle.manifest["goeswith"], *labels], 1)
            products.add_metric(labels, len(bundle))
            fitted = datetime.fromisoformat(bundle.manifest["created"])
            created.add_metric(labels, fitted.timestamp())
        yield from (info, products, created)
