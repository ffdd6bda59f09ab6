"""Fitting of a bundle: models are trained, recommendations precomputed, all is published."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from goeswith.core.arrays_file import save_arrays
from goeswith.core.atomic_files import write_arrow
from goeswith.core.errors import ConfigError, DataError
from goeswith.core.progress import StepProgress
from goeswith.core.version import __version__
from goeswith.data.table_files import content_sha256, find_table_files
from goeswith.facts.availability import availability_flags
from goeswith.facts.fact_fold import settle_path
from goeswith.health.build_health import measure_build, write_health
from goeswith.health.log_volume import log_volume
from goeswith.models import make_model
from goeswith.models.registry import model_name
from goeswith.pipeline.empty_fit import count_events, products_with_pairs, why_few
from goeswith.pipeline.fit_progress import FitProgress
from goeswith.pipeline.kind_tags import tag_products
from goeswith.pipeline.precompute import precompute
from goeswith.pipeline.relevance_filter import filter_by_relevance
from goeswith.pipeline.reverse_lists import reverse_arrays
from goeswith.pipeline.session_model import fit_session
from goeswith.pipeline.shopper_model import fit_shoppers
from goeswith.pipeline.signal_notes import NO_LOG, hub_notes, signal_notes, slate_notes
from goeswith.pipeline.similarity_index import similarity_arrays
from goeswith.pipeline.top_k_table import TopKTable
from goeswith.ranking.objectives import check_objectives
from goeswith.ranking.ranker import Ranker
from goeswith.relations.build_graph import build_graph
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_arithmetic import resolve, split_by_support, without_min_counts
from goeswith.relations.graph_files import save_graph
from goeswith.relations.mining_report import MiningReport
from goeswith.relations.relation import CO_PURCHASE
from goeswith.results.reports.pair_feedback import read_pair_clicks
from goeswith.settings.sections import KINDS_MODEL, ZERO_SHOT
from goeswith.store.counted_contexts import CountedContexts
from goeswith.store.kind_relations import kind_arrays
from goeswith.store.manifest import (
    AVAILABILITY,
    BELOW_SUPPORT,
    COUNTED,
    EVIDENCE,
    KINDS,
    LOOKUP,
    PRODUCTS,
    RELATIONS,
    REVERSE,
    SEARCH,
    SIMILARS,
    TOP_K,
)
from goeswith.store.pairs.evidence_arrays import evidence_arrays
from goeswith.store.product_lookup import product_arrays
from goeswith.store.publish import new_build, publish
from goeswith.store.publish_check import BuildStatistics, check_publishable, last_statistics
from goeswith.store.search_index import search_arrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goeswith.data.catalog import Catalog
    from goeswith.data.dataset import Dataset
    from goeswith.features.pair_clicks import PairClicks
    from goeswith.health.health_report import BuildHealth
    from goeswith.models.base import Recommender
    from goeswith.relations.config import MiningConfig
    from goeswith.settings.sections import Settings

_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "polars", "duckdb", "ibis-framework")


def fit_bundle(
    dataset: Dataset,
    out: Path,
    settings: Settings,
    metrics: dict[str, Any] | None = None,
    progress: StepProgress | None = None,
    *,
    graph: RelationGraph | None = None,
    mining_report: MiningReport | None = None,
    replace: bool = False,
) -> None:
    """Fit the models that `settings.fit` names and leave a bundle at `out`.

    The current bundle is served until the new one is complete, and stays if this run fails or is
    killed, or if the new one would be much worse (`settings.publish_if`). A repeated run resumes
    the training of a model after the last finished epoch.

    Args:
        dataset: as `load_data` reads it.
        out: the bundle's folder; made where it is missing.
        settings: `fit`, `relations` and `models` are used; all are recorded.
        metrics: results of a benchmark, stored in the manifest.
        progress: called with the current step.
        graph: the relations of `dataset` where they were built already.
        mining_report: what their mining reported, for the manifest.
        replace: publish the new build even if it is empty or much worse than the last one.

    Raises:
        BundleError: `out` holds other files, another run is writing it, or the new build is not
            published for what it lacks.
        ConfigError: a setting of a model is invalid.
        DataError: no relation can be built from the data, and the model needs one.
    """
    dataset, kinds = tag_products(dataset, settings.kinds)
    settings = settings.resolve(
        len(dataset.catalog),
        has_counts=dataset.counted,
        has_views=dataset.has_views,
        by_kinds=kinds["exclude"],
        only_catalog=dataset.only_catalog,
    )
    check_objectives(settings.objectives.weights, dataset.catalog.frame, {"price", "stock"})
    specs = list(dict.fromkeys([settings.fit.model, *settings.fit.fallbacks]))
    steps = FitProgress(len(dataset.catalog), len(specs), progress)
    with new_build(out) as build:
        last = None if replace else last_statistics(out)
        rows = _row_counts(dataset)
        if not replace:  # before the hours that models take
            expected = BuildStatistics(rows, len(dataset.catalog))
            check_publishable(out, expected, last, settings.publish_if)
        steps.log("building relations")
        report = mining_report or MiningReport()
        clicks = _pair_clicks(settings, dataset.catalog, report)
        relations, below_support, mining = graph, None, settings.relations
        if dataset.only_catalog and model_name(settings.fit.model) in (ZERO_SHOT, KINDS_MODEL):
            report.notes.append(NO_LOG)
            relations = RelationGraph(len(dataset.catalog), types=dataset.catalog.type_codes)
        if relations is None:
            keep_below_support = settings.fit.keep_below_support
            relations, below_support, mining = _mine(
                dataset, mining, report, keep_below_support=keep_below_support
            )
        settings = settings.model_copy(update={"relations": mining})
        # beside the bundle: a killed run's build is cleaned away, its training is not
        checkpoints = out.absolute().with_name(f".{out.name}.training")

        session = fit_session(dataset, settings, build, checkpoints, steps.log)
        shoppers = fit_shoppers(dataset, settings, build, checkpoints, steps.log)

        def make_fitted(spec: str) -> Recommender:
            model = make_model(spec, settings.models)
            if isinstance(model, Ranker):
                model.clicks = clicks
            model.set_checkpoints(checkpoints, steps.log)
            return model.fit(dataset.catalog, relations)

        table = precompute(
            specs,
            make_fitted,
            dataset.catalog,
            relations,
            steps,
            build=build,
            k=settings.fit.k,
            by_kinds=kinds["exclude"],
        )
        relevance = filter_by_relevance(table, dataset.catalog, settings.relevance, out, steps.log)
        mined = [asdict(entry) for entry in report.relations]
        steps.log("writing")
        write_build(build, dataset.catalog, relations, table, settings.fit.without)
        health = measure_build(build, table.models, log_volume(dataset.events), out)
        statistics = build_statistics(rows, relations, table, health)
        if not replace:
            reasons = why_few(dataset.catalog, relations, rows, mined, mining.max_basket)
            check_publishable(out, statistics, last, settings.publish_if, reasons)
        write_health(health, build)
        if below_support is not None:
            save_graph(below_support, build / BELOW_SUPPORT)
        if dataset.counted and dataset.events is not None:
            CountedContexts.of(dataset.events).save(build / COUNTED)
        publish(
            build,
            {
                **version_info(),
                "settings": settings.model_dump(mode="json"),
                "data": {**_data_info(dataset), "fitted_relations": relation_names(relations)},
                "mined": mined,
                "mining_notes": [
                    *report.notes,
                    *signal_notes(relations, kinds),
                    *hub_notes(dataset.catalog, table.hubs),
                    *slate_notes(dataset.catalog, settings.slate),
                ],
                **top_k_info(relations, table),
                "statistics": statistics.as_json(),
                "kinds": kinds,
                "session": session,
                "shoppers": shoppers,
                "judged": relevance,
                "metrics": metrics,
            },
        )
        settle_path(out)
        rmtree(checkpoints, ignore_errors=True)
        steps.finish()


def _pair_clicks(settings: Settings, catalog: Catalog, report: MiningReport) -> PairClicks | None:
    """Clicks of the feedback that the settings name, with a note.

    Raises:
        ConfigError: the first model does not learn from clicks.
        DataError: there is no feedback of these products.
    """
    if settings.fit.feedback is None:
        return None
    if model_name(settings.fit.model) != Ranker.name:
        raise ConfigError(
            f"fit.feedback = {settings.fit.feedback!r} needs the model ranker; "
            f"{model_name(settings.fit.model)} does not learn from clicks: set fit.model = "
            "'ranker', or remove fit.feedback"
        )
    clicks = read_pair_clicks(Path(settings.fit.feedback), catalog)
    report.notes.append(
        f"learned from {clicks.clicks.sum():,.0f} clicks of {len(clicks):,} pairs in "
        f"{settings.fit.feedback}"
    )
    return clicks


def _mine(
    dataset: Dataset, config: MiningConfig, report: MiningReport, *, keep_below_support: bool
) -> tuple[RelationGraph, RelationGraph | None, MiningConfig]:
    """The relations of a data set, the pairs below support if they are stored, and the settings.

    The minimum support that `auto` resolves to is stored in the bundle, for updates.
    """
    if dataset.counted and keep_below_support:
        everything = build_graph(dataset, without_min_counts(config), report)
        config = resolve(config, everything)
        return *split_by_support(everything, config), config
    graph = build_graph(dataset, config, report)
    for mined in report.relations:
        if mined.relation == CO_PURCHASE:
            config = config.model_copy(update={"min_co_purchase": mined.least})
    return graph, None, config


def write_build(
    build: Path,
    catalog: Catalog,
    graph: RelationGraph,
    table: TopKTable,
    without: Sequence[str] = (),
) -> None:
    """Write everything of a build but its models, which are saved as they answer.

    Args:
        build: folder.
        catalog: the products.
        graph: their relations.
        table: their recommendations.
        without: parts that are left out (`fit.without`).
    """
    save_arrays(table.arrays(), build / TOP_K)
    save_arrays(product_arrays(catalog), build / LOOKUP)
    evidence = evidence_arrays(catalog, graph)
    save_arrays(evidence, build / EVIDENCE)
    if "search" not in without:
        index = search_arrays(catalog.ids.to_list(), catalog.text("title"), evidence["purchases"])
        save_arrays(index, build / SEARCH)
    # JSON has no NaN: such a number is missing
    frame = catalog.frame.with_columns(pl.selectors.float().fill_nan(None))
    write_arrow(frame, build / PRODUCTS)
    flags = availability_flags(frame)
    if flags is not None:
        save_arrays({"flags": flags}, build / AVAILABILITY)
    if "similars" not in without:
        save_arrays(similarity_arrays(catalog), build / SIMILARS)
    if "reverse" not in without:
        save_arrays(reverse_arrays(table), build / REVERSE)
    if kinds := kind_arrays(catalog):
        save_arrays(kinds, build / KINDS)
    save_graph(graph, build / RELATIONS)


def version_info() -> dict[str, Any]:
    """What runs, for a manifest."""
    return {
        "goeswith": __version__,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def top_k_info(graph: RelationGraph, table: TopKTable) -> dict[str, Any]:
    """Relations and recommendations, for a manifest."""
    return {
        "relations": _relation_info(graph),
        "k": table.k,
        "models": table.models,
        "probabilities": table.probabilities,
        "health": {**table.health(), "left_out": table.left_out},
    }


def build_statistics(
    rows: dict[str, int], graph: RelationGraph, table: TopKTable, health: BuildHealth
) -> BuildStatistics:
    """Statistics of a build, for its manifest and the check before it is published."""
    return BuildStatistics(
        rows,
        len(table.products),
        products_with_pairs(graph),
        int(np.count_nonzero(table.products[:, 0] >= 0)),
        int(np.count_nonzero(table.products >= 0)),
        int((table.model_index == 0).any(axis=1).sum()),
        table.models[0],
        health.top_five.look_alikes,
    )


def relation_names(graph: RelationGraph) -> list[str]:
    """Relations that have edges."""
    return [name for name, relation in graph.relations.items() if len(relation)]


def _row_counts(dataset: Dataset) -> dict[str, int]:
    lists = {"relations": dataset.relations, "bundles": dataset.bundles}
    return {
        **count_events(dataset.events),
        **{name: frame.height for name, frame in lists.items() if frame is not None},
    }


def _data_info(dataset: Dataset) -> dict[str, Any]:
    tables = {
        name: None if frame is None else frame.height
        for name, frame in (
            ("events", dataset.events),
            ("relations", dataset.relations),
            ("sessions", dataset.sessions),
            ("bundles", dataset.bundles),
        )
    }
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "rows": {"products": len(dataset.catalog), **tables},
        "quarantine": dataset.quarantine.counts().to_dicts(),
        "applied": _events_files(dataset),
        "report": dataset.report.to_dict(),
    }


def _events_files(dataset: Dataset) -> list[dict[str, Any]]:
    """The files of events with their checksums, so that no update counts one again."""
    if dataset.events is None or dataset.folder is None or not dataset.folder.is_dir():
        return []
    try:
        files = find_table_files(dataset.folder).tables.get("events", [])
    except DataError:
        return []  # the data set was not read from there
    return [{"file": file.name, "sha256": content_sha256(file)} for file in files]


def _relation_info(graph: RelationGraph) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: {"edges": len(relation), "contexts": relation.contexts}
        for name, relation in graph.relations.items()
    }
    signals = {"complement signal": graph.complements, "similarity signal": graph.similars}
    return facts | {
        name: {"edges": len(edges), "contexts": edges.contexts} for name, edges in signals.items()
    }
