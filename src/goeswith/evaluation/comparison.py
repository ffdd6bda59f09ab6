"""The benchmark: comparison of models under protocols, over several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from time import perf_counter
from typing import Any, Final

import numpy as np

from goeswith import sequential
from goeswith.core.errors import ConfigError, GoesWithError
from goeswith.core.progress import StepProgress
from goeswith.data.dataset import Dataset
from goeswith.evaluation.bootstrap import paired_bootstrap
from goeswith.evaluation.deployed_model import as_deployed
from goeswith.evaluation.entrant import Entrant
from goeswith.evaluation.metrics import PerSource
from goeswith.evaluation.objective_ranker import ObjectiveRanker
from goeswith.evaluation.peak_memory import peak_memory
from goeswith.evaluation.protocols import (
    MAIN_METRIC,
    NEXT_BASKET,
    NEXT_PRODUCT,
    OF_PEOPLE,
    UNSEEDED,
    models_for,
    protocol,
)
from goeswith.evaluation.protocols.case import BenchmarkCase, BenchmarkData, CaseMetrics
from goeswith.kinds.shop_map import with_shop_kinds
from goeswith.models import CLOSED_FORM
from goeswith.models.base import Model, Recommender
from goeswith.models.basket_counts import BasketForm
from goeswith.relations.measures import MEASURES
from goeswith.settings.sections import Settings
from goeswith.shoppers import SHOPPER_MODELS


@dataclass
class _ModelRun:
    """The results of one model on one seed, over all its cases (folds)."""

    measured: CaseMetrics
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    peak_mb: float | None = None
    training: list[dict[str, Any]] = field(default_factory=list)
    importances: dict[str, float] = field(default_factory=dict)
    rankings: str = ""
    """Digest of the rankings."""


@dataclass
class _ResultRow:
    """A row of the table: the runs of one model."""

    entrant: Entrant
    runs: list[_ModelRun] = field(default_factory=list)
    refusal: str | None = None

    @property
    def spec(self) -> str:
        """What the table calls the model."""
        return self.entrant.label

    def parts(self, metric: str) -> PerSource | None:
        """The metric's parts by source, over all seeds."""
        per_run = [run.measured.per_source.get(metric) for run in self.runs]
        present = [parts for parts in per_run if parts is not None]
        return PerSource.concatenate(present) if present else None


def benchmark(  # noqa: PLR0917
    dataset: Dataset,
    models: Sequence[str | Model | type[Model]] | None,
    protocols: Sequence[str],
    seeds: Sequence[int],
    settings: Settings | None = None,
    progress: StepProgress | None = None,
) -> dict[str, Any]:
    """Fit and measure models under protocols.

    Args:
        dataset: as `load_data` reads it.
        models: `name`, `name:key=value,...` or `module:Class`, a class, or a model ready to fit;
            None or none for `default_models`.
        protocols: basket, edges, cold, direction, time, gold; leave_one_out, given, sessions;
            next_basket.
        seeds: one split each, and the `seed` of models that have one.
        settings: of a project file; None for the defaults.
        progress: called before every fit, and at the end.

    Returns:
        for one protocol {"data", "protocol", "seeds", "products", "results", "bootstrap"}; for
        several {"protocols": [one such object each]}. A result holds "model", "metrics" (name ->
        mean, std, per_seed), "fit_seconds" and "score_seconds" (medians over seeds),
        "peak_memory_mb" (the largest), "training" of a trained model (for each fit its "seed" and
        its "epochs", see `EpochRecord`), "importances" of the last fit of a model that weighs
        evidence, "same_as", an earlier model with the same rankings, and "refused", the reason why
        a model has no metrics. "deployed" is the model that a fit would use. What does not apply
        is absent.

    Raises:
        ConfigError: an unknown model, protocol or setting, or invalid seeds.
        DataError: the data lacks what a protocol needs.
    """
    settings = settings or Settings()
    makers = {name: protocol(name) for name in protocols}
    if not makers or not seeds or any(seed < 0 for seed in seeds) or len(set(seeds)) < len(seeds):
        raise ConfigError("name at least one protocol, and one or more different seeds from 0 up")
    # a wrong name is an error before hours of work, not after
    if settings.kinds.use != "none":
        dataset = with_shop_kinds(dataset, settings.kinds.map)
    dataset, fitted = as_deployed(dataset, settings)
    deployed = fitted.fit.model
    entrants = {
        name: _entrants(
            models or [*default_models(dataset, name), *([deployed] * (name not in OF_PEOPLE))],
            name,
            fitted,
        )
        for name in makers
    }
    data = BenchmarkData(dataset, settings)
    steps = sum(len(rows) for rows in entrants.values()) * len(seeds)
    done = 0

    def report(what: str) -> None:
        nonlocal done
        if progress is not None:
            progress(done, steps, what)
        done += 1

    tables = []
    for name, make in makers.items():
        entries = [_ResultRow(entrant) for entrant in entrants[name]]
        cases: list[BenchmarkCase[Any]] = []
        for seed in seeds:
            if not cases or name not in UNSEEDED:
                cases = list(make(data, seed))
            for entry in entries:
                report(f"{name}, seed {seed}: {entry.spec}")
                if entry.refusal is not None:
                    continue
                if name in UNSEEDED and entry.runs and not entry.entrant.seeded:
                    entry.runs.append(entry.runs[0])  # the same split and model: the same result
                    continue
                try:
                    entry.runs.append(_fit_and_measure(entry.entrant, cases, seed))
                except GoesWithError as error:
                    entry.refusal = str(error)
        table = _table(data, name, list(seeds), entries)
        tables.append(table if name in OF_PEOPLE else {**table, "deployed": deployed})
    report("done")
    return tables[0] if len(tables) == 1 else {"protocols": tables}


def default_models(dataset: Dataset, protocol_name: str) -> list[str]:
    """Every closed-form model; co-purchase by every association measure if pairs are counted.

    Where products are viewed, the models that can also learn from everything bought together and
    leave alternatives out: the strongest rivals of a model that does so. The protocol basket
    compares the forms over all baskets, which the others hold out in part.
    """
    if protocol_name in NEXT_PRODUCT:
        return list(sequential.CLOSED_FORM)
    if protocol_name == NEXT_BASKET:
        return list(SHOPPER_MODELS.names)
    if protocol_name == "basket":
        return list(BASKET_FORMS)
    counted = protocol_name == "time" or dataset.counted
    measures = [f"copurchase:measure={measure}" for measure in MEASURES]
    specs: list[str] = []
    for name in CLOSED_FORM:
        if name == BasketForm.name:
            continue
        specs += measures if name == "copurchase" and counted else [name]
        if name in MASKED and dataset.any_views and protocol_name in ("edges", "direction", "time"):
            specs.append(MASKED[name])
    return specs


_MASK: Final = "relation=co_purchase,alternatives=false"
MASKED: Final = {
    "cocitation": f"cocitation:{_MASK}",
    "katz": f"katz:{_MASK}",
    "ease": f"ease:{_MASK},l2=100",
    "slim": f"slim:{_MASK}",
}
"""Model -> its form over everything bought together, without alternatives in the answers."""


BASKET_FORMS: Final = (
    "baskets:form=popularity",
    "baskets",
    "baskets:by_basket=true,prior=10",
    "baskets:form=llr",
    "baskets:form=cosine",
    "baskets:form=ease",
    "baskets:form=ease,by_basket=true",
)


def _entrants(
    models: Sequence[str | Model | type[Model]], protocol_name: str, settings: Settings
) -> list[Entrant]:
    registry = models_for(protocol_name)
    found = [Entrant.from_model(model, registry, settings.models) for model in models]
    objectives = settings.objectives
    if objectives.weights and protocol_name not in OF_PEOPLE:
        for entrant in list(found):
            base = entrant.prototype
            assert isinstance(base, Recommender)
            model = ObjectiveRanker(base, objectives.weights, objectives.floor)
            found.append(Entrant(f"{entrant.label} with objectives", model, entrant.fixed_seed))
    return list({entrant.label: entrant for entrant in found}.values())


def _fit_and_measure(entrant: Entrant, cases: Sequence[BenchmarkCase[Any]], seed: int) -> _ModelRun:
    """Fit and measure one model on one seed."""
    run = _ModelRun(CaseMetrics())
    measured, digest = [], sha256()
    with peak_memory() as peak:
        for case in cases:
            started = perf_counter()
            model = case.fit(entrant.make(seed))
            fitted = perf_counter()
            answers = case.answer(model)
            run.score_seconds += perf_counter() - fitted
            run.fit_seconds += fitted - started
            measured.append(case.measure(answers))
            for name in sorted(answers):
                digest.update(np.ascontiguousarray(answers[name]).tobytes())
            if model.history:
                run.training.append({"seed": seed, "epochs": list(model.history)})
            run.importances = model.importances()
    run.peak_mb, run.rankings = peak.mb, digest.hexdigest()
    run.measured = CaseMetrics(
        {
            metric: PerSource.concatenate([part.per_source[metric] for part in measured])
            for metric in measured[0].per_source
        },
        measured[0].overall,
    )
    return run


def _table(
    data: BenchmarkData, name: str, seeds: list[int], entries: list[_ResultRow]
) -> dict[str, Any]:
    return {
        "data": data.dataset.name,
        "protocol": name,
        "seeds": seeds,
        "products": len(data.dataset.catalog),
        "results": [
            _result(entry) | _same_as(entry, entries[:place]) for place, entry in enumerate(entries)
        ],
        "bootstrap": _against_best(
            entries, MAIN_METRIC.get(name, "ndcg@10"), data.settings.evaluation.bootstrap
        ),
    }


def _same_as(entry: _ResultRow, before: list[_ResultRow]) -> dict[str, str]:
    """An earlier model with the same rankings under every seed."""
    rankings = [run.rankings for run in entry.runs]
    for other in before if rankings and entry.refusal is None else []:
        if other.refusal is None and [run.rankings for run in other.runs] == rankings:
            return {"same_as": other.spec}
    return {}


def _result(entry: _ResultRow) -> dict[str, Any]:
    """One row of the table as JSON."""
    if entry.refusal is not None:
        return {
            "model": entry.spec,
            "metrics": {},
            "fit_seconds": None,
            "score_seconds": None,
            "peak_memory_mb": None,
            "refused": entry.refusal,
        }
    metrics = {}
    by_seed = [run.measured.values() for run in entry.runs]
    for metric in by_seed[0]:
        values = [seed_values.get(metric) for seed_values in by_seed]
        present = [value for value in values if value is not None]
        if present:
            metrics[metric] = {
                "mean": float(np.mean(present)),
                "std": float(np.std(present, ddof=1)) if len(present) > 1 else 0.0,
                "per_seed": values,
            }
    peaks = [run.peak_mb for run in entry.runs if run.peak_mb is not None]
    training = [fit for run in entry.runs for fit in run.training]
    importances = entry.runs[-1].importances
    return {
        "model": entry.spec,
        "metrics": metrics,
        "fit_seconds": float(np.median([run.fit_seconds for run in entry.runs])),
        "score_seconds": float(np.median([run.score_seconds for run in entry.runs])),
        "peak_memory_mb": max(peaks) if peaks else None,
        **({"training": training} if training else {}),
        **({"importances": importances} if importances else {}),
    }


def _against_best(entries: list[_ResultRow], metric: str, resamples: int) -> dict[str, Any] | None:
    """Every model against the best one, by a paired bootstrap over sources, seeds pooled."""
    parts = {
        entry.spec: by_source
        for entry in entries
        if entry.refusal is None and (by_source := entry.parts(metric)) is not None
    }
    if not parts:
        return None
    best = max(parts, key=lambda spec: parts[spec].value or 0.0)
    return {
        "metric": metric,
        "best": best,
        "resamples": resamples,
        "comparisons": [
            {"model": spec, **asdict(paired_bootstrap(by_source, parts[best], resamples))}
            for spec, by_source in parts.items()
            if spec != best
        ],
    }
