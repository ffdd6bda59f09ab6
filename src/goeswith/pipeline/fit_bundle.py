"""Fitting a bundle: models learn, answers of every product are worked out, all is published."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from goeswith import __version__
from goeswith.core.arrays_file import save_arrays
from goeswith.core.atomic_files import write_arrow
from goeswith.core.errors import DataError
from goeswith.data.folder import find_tables
from goeswith.models import make_model
from goeswith.pipeline.precompute import Answers, Progress, Steps, answer_all
from goeswith.pipeline.relevance_filter import judge_answers
from goeswith.pipeline.reverse_lists import reverse_arrays
from goeswith.pipeline.session_model import fit_session
from goeswith.pipeline.similarity_index import similar_arrays
from goeswith.relations.build_graph import build_graph
from goeswith.relations.counts import every_pair, settled, split_by_support
from goeswith.relations.graph import RelationGraph
from goeswith.relations.graph_files import save_graph
from goeswith.relations.mining_report import MiningReport
from goeswith.relations.relation import CO_PURCHASE
from goeswith.store.evidence_arrays import evidence_arrays
from goeswith.store.manifest import (
    ANSWERS,
    EVIDENCE,
    LOOKUP,
    PRODUCTS,
    RARE,
    RELATIONS,
    REVERSE,
    SEARCH,
    SIMILARS,
    file_sha256,
)
from goeswith.store.product_lookup import product_arrays
from goeswith.store.publish import new_build, publish
from goeswith.store.search_index import search_arrays

if TYPE_CHECKING:
    from goeswith.data.catalog import Catalog
    from goeswith.data.dataset import Dataset
    from goeswith.models.base import Recommender
    from goeswith.relations.config import MiningConfig
    from goeswith.settings.sections import Settings

_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "polars", "duckdb", "ibis-framework")


def fit_bundle(
    dataset: Dataset,
    out: Path,
    settings: Settings,
    metrics: dict[str, Any] | None = None,
    progress: Progress | None = None,
    *,
    graph: RelationGraph | None = None,
) -> None:
    """Fit the models that `settings.fit` names and leave a bundle at `out`.

    The bundle that was there answers until the new one is whole, and for good if this run ends
    early, however it ends. The same run started again resumes a model's training after the last
    epoch that was finished.

    Args:
        dataset: as `load_data` reads it.
        out: the bundle's folder; made where it is missing.
        settings: `fit`, `relations` and `models` are used; all are recorded.
        metrics: what a benchmark measured, to be kept with the bundle.
        progress: told what is being done.
        graph: the relations of `dataset` where they were built already.

    Raises:
        BundleError: `out` holds other files, or another run is writing it.
        ConfigError: a setting of a model is wrong.
        DataError: no relation can be built from the data.
    """
    settings = settings.chosen(len(dataset.catalog), counted=dataset.counted)
    specs = list(dict.fromkeys([settings.fit.model, *settings.fit.fallbacks]))
    tell = Steps(len(dataset.catalog), len(specs), progress)
    with new_build(out) as build:
        tell.now("building relations")
        report = MiningReport()
        learned, rare, mining = graph, None, settings.relations
        if learned is None:
            keep_rare = settings.fit.keep_rare
            learned, rare, mining = _counted(dataset, mining, report, keep_rare=keep_rare)
        settings = settings.model_copy(update={"relations": mining})
        # beside the bundle: a killed run's build is cleaned away, its training is not
        checkpoints = out.absolute().with_name(f".{out.name}.training")

        session = fit_session(dataset, settings, build, checkpoints, tell.now)

        def fitted(spec: str) -> Recommender:
            model = make_model(spec, settings.models)
            model.follow(checkpoints, tell.now)
            return model.fit(dataset.catalog, learned)

        answers = answer_all(
            specs, fitted, dataset.catalog, learned, tell, build=build, k=settings.fit.k
        )
        judged = judge_answers(answers, dataset.catalog, settings.relevance, out, tell.now)
        tell.now("writing")
        write_build(build, dataset.catalog, learned, answers)
        if rare is not None:
            save_graph(rare, build / RARE)
        publish(
            build,
            {
                **version_facts(),
                "settings": settings.model_dump(mode="json"),
                "data": _data_facts(dataset),
                "mined": [asdict(mined) for mined in report.relations],
                "mining_notes": report.notes,
                **answer_facts(learned, answers),
                "session": session,
                "judged": judged,
                "metrics": metrics,
            },
        )
        rmtree(checkpoints, ignore_errors=True)
        tell.done()


def _counted(
    dataset: Dataset, config: MiningConfig, report: MiningReport, *, keep_rare: bool
) -> tuple[RelationGraph, RelationGraph | None, MiningConfig]:
    """The relations of a data set, the pairs below support where those are kept, and the support.

    What `auto` stands for is kept with the bundle, so that an update asks for the same.
    """
    if dataset.counted and keep_rare:
        everything = build_graph(dataset, every_pair(config), report)
        config = settled(config, everything)
        return *split_by_support(everything, config), config
    graph = build_graph(dataset, config, report)
    for mined in report.relations:
        if mined.relation == CO_PURCHASE:
            config = config.model_copy(update={"min_co_purchase": mined.least})
    return graph, None, config


def write_build(build: Path, catalog: Catalog, graph: RelationGraph, answers: Answers) -> None:
    """Write everything of a build but its models, which are saved as they answer."""
    save_arrays(answers.arrays(), build / ANSWERS)
    save_arrays(product_arrays(catalog), build / LOOKUP)
    evidence = evidence_arrays(catalog, graph)
    save_arrays(evidence, build / EVIDENCE)
    index = search_arrays(catalog.ids.to_list(), catalog.text("title"), evidence["purchases"])
    save_arrays(index, build / SEARCH)
    # a number that is none is told as missing: JSON has no NaN
    frame = catalog.frame.with_columns(pl.selectors.float().fill_nan(None))
    write_arrow(frame, build / PRODUCTS)
    save_arrays(similar_arrays(catalog), build / SIMILARS)
    save_arrays(reverse_arrays(answers), build / REVERSE)
    save_graph(graph, build / RELATIONS)


def version_facts() -> dict[str, Any]:
    """What runs, for a manifest."""
    return {
        "goeswith": __version__,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def answer_facts(graph: RelationGraph, answers: Answers) -> dict[str, Any]:
    """What a manifest tells of relations and answers."""
    return {
        "relations": _relation_facts(graph),
        "k": answers.k,
        "models": answers.models,
        "probabilities": answers.probabilities,
        "health": {**answers.health(), "left_out": answers.left_out},
    }


def _data_facts(dataset: Dataset) -> dict[str, Any]:
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
    }


def _events_files(dataset: Dataset) -> list[dict[str, Any]]:
    """The file of events, told apart by its content: so that no update counts it again."""
    if dataset.events is None or dataset.folder is None or not dataset.folder.is_dir():
        return []
    try:
        file = find_tables(dataset.folder).get("events")
    except DataError:
        return []  # the data set was not read from there
    return [{"file": file.name, "sha256": file_sha256(file)}] if file else []


def _relation_facts(graph: RelationGraph) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: {"edges": len(relation), "contexts": relation.contexts}
        for name, relation in graph.relations.items()
    }
    signals = {"complement signal": graph.complements, "similarity signal": graph.similars}
    return facts | {
        name: {"edges": len(edges), "contexts": edges.contexts} for name, edges in signals.items()
    }
