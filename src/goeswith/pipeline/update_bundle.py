"""New events and new products into a bundle that is there, without a full fit.

Counts of new contexts are added to those of the bundle; what the models compute in closed form is
computed again, what was trained stays; all is answered anew and published as any fit is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from goeswith.core.arrays_file import load_arrays
from goeswith.core.atomic_files import same_file
from goeswith.core.errors import BundleError, DataError
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import Quarantine
from goeswith.models.base import Recommender
from goeswith.pipeline.add_products import Grown, answers_with_new, propose_new, with_products
from goeswith.pipeline.fit_bundle import answer_facts, version_facts, write_build
from goeswith.pipeline.new_events import GivenEvents, read_events
from goeswith.pipeline.precompute import NeverTogether, Progress, Steps, answer_all
from goeswith.pipeline.update_counts import check_contexts, data_facts, file_facts, merged, notes
from goeswith.query.bundle import Bundle
from goeswith.query.online_scoring import load_model, model_folders, reads_attributes
from goeswith.relations.counts import add_graphs, every_pair, grown, split_by_support, with_rare
from goeswith.relations.graph_files import load_graph, save_graph
from goeswith.relations.mining_report import MiningReport
from goeswith.settings.sections import Settings
from goeswith.store.manifest import ANSWERS, RARE, RELATIONS, SESSION, read_manifest
from goeswith.store.publish import new_build, publish

if TYPE_CHECKING:
    from goeswith.relations.graph import RelationGraph


@dataclass(frozen=True)
class Updated:
    """What an update did.

    Attributes:
        events: kept of the file; 0 where none was given.
        products: new in the catalogue.
        known: products of the table that were in the catalogue before; they stayed as they were.
        unused: columns of that table that the catalogue does not have.
        quarantine: rows set aside, by file and reason.
        notes: what a person should know of the counts.
    """

    events: int
    products: int
    known: int
    unused: list[str]
    quarantine: list[dict[str, Any]]
    notes: list[str]


def update_bundle(
    path: Path,
    events: Path | None = None,
    products: Path | None = None,
    *,
    again: bool = False,
    progress: Progress | None = None,
) -> Updated:
    """Fold new events, new products or both into the bundle at `path`.

    Products alone are answered and proposed by what the bundle knows, in about the time that it
    takes to write it; events are counted, and every product is answered anew. The bundle that was
    there answers until the new one is whole, and for good if this run ends early.

    Args:
        path: the bundle.
        events: a table as `events` of a data folder; its baskets, sessions or users are not yet in
            the bundle. Or a folder of feedback that `goeswith serve` kept, whose new lines are
            counted. None for none.
        products: a table as `products` of a data folder. None for none.
        again: count a file that was counted before once more.
        progress: told what is being done.

    Raises:
        BundleError: the bundle is damaged, was made from lists, has counted this file already, or
            another run is writing it.
        DataError: a table cannot be used, or its contexts are not of the kind that was counted.
    """
    read_manifest(path)  # a folder that is no bundle is not to become one
    with new_build(path) as build:
        old = Bundle.open(path, verify=True)
        settings = _settings(old)
        quarantine = Quarantine(max_share=settings.data.max_bad_share)
        catalog = _with_table(old, products, quarantine)
        given = None
        if events is not None:
            given = read_events(old, settings, catalog.catalog, events, quarantine, again=again)
        if events is None and not len(catalog.new):
            quarantine.check()
            raise DataError(f"{products}: every product of it is in the bundle already")
        run = _Run(old, settings, catalog, build, progress)
        told = run.add() if given is None else run.count(given)
        told += run.keep_session()
        if len(old.explained_arrays):
            told.append("explanations are of the counts before: run `goeswith explain` again")
        quarantine.check()
        aside = quarantine.counts().to_dicts()
        files = given.files if given is not None else []
        files += [] if products is None else [file_facts("products", products)]
        data = data_facts(old, files, aside, len(catalog.catalog))
        publish(build, {**run.facts(), "data": data})
        run.tell.done()
        kept = given.frame.height if given is not None else 0
        return Updated(kept, len(catalog.new), catalog.known, catalog.unused, aside, told)


def _settings(old: Bundle) -> Settings:
    try:
        return Settings.model_validate(old.manifest["settings"])
    except ValidationError as error:
        raise BundleError(
            f"{old.path} was fitted with settings that this goeswith does not know; fit it again"
        ) from error


class _Run:
    """One update: what it starts from, and what it makes."""

    def __init__(
        self, old: Bundle, settings: Settings, grown: Grown, build: Path, progress: Progress | None
    ) -> None:
        self.old, self.settings, self.grown, self.build = old, settings, grown, build
        self.folders = model_folders(old.folder)
        self.specs = old.models[: len(self.folders)]
        self.tell = Steps(len(grown.catalog), len(self.specs), progress)
        self.mined: list[dict[str, Any]] = old.manifest.get("mined", [])

    def add(self) -> list[str]:
        """Answer and propose new products with the models as they are."""
        self.tell.now("answering new products")
        n = len(self.grown.catalog)
        self.graph = grown(load_graph(self.old.folder / RELATIONS, len(self.old)), n)
        never = NeverTogether(self.grown.catalog, self.graph)
        models = [
            (spec, load_model(folder, spec) if reads_attributes(spec) else None)
            for spec, folder in zip(self.specs, self.folders, strict=True)
        ]
        self.answers = answers_with_new(
            load_arrays(self.old.folder / ANSWERS), models, self.grown, never
        )
        self.answers.probabilities = self.old.manifest.get("probabilities", [])
        self.tell.now("writing")
        for folder in self.folders:
            _same_files(folder, self.build / folder.relative_to(self.old.folder))
        write_build(self.build, self.grown.catalog, self.graph, self.answers)
        rare = self._rare(n)
        if rare is not None:
            save_graph(rare, self.build / RARE)
        return []

    def count(self, given: GivenEvents) -> list[str]:
        """Add the counts of new events, have the models take them over, and answer everything."""
        from goeswith.relations.mine import mine  # Ibis and DuckDB

        self.tell.now("counting")
        catalog, n = self.grown.catalog, len(self.grown.catalog)
        report = MiningReport()
        found = mine(given.frame, n, every_pair(self.settings.relations), report)
        check_contexts(self.mined, report, given.path)
        everything = grown(load_graph(self.old.folder / RELATIONS, len(self.old)), n)
        rare = self._rare(n)
        if rare is not None:
            everything = with_rare(everything, rare)
        everything = add_graphs(everything, found).with_types(catalog.type_codes)
        self.graph, rare = split_by_support(everything, self.settings.relations)
        place = dict(zip(self.specs, self.folders, strict=True))

        def refreshed(spec: str) -> Recommender:
            return load_model(place[spec], spec).refresh(catalog, self.graph)

        self.answers = answer_all(
            self.specs, refreshed, catalog, self.graph, self.tell, build=self.build, k=self.old.k
        )
        added = np.arange(self.old.manifest["data"].get("fitted", len(self.old)), n, dtype=np.int32)
        since = Grown(catalog, added, 0, [])
        propose_new(self.answers, since, NeverTogether(catalog, self.graph))
        self.tell.now("writing")
        write_build(self.build, catalog, self.graph, self.answers)
        save_graph(rare, self.build / RARE)
        self.mined = merged(self.mined, report)
        return [*given.notes, *notes(report, self.old)]

    def keep_session(self) -> list[str]:
        """Keep the model of the next product: what it learned from is not there to be added to."""
        folder = self.old.folder / SESSION
        if self.old.session_model is None or not folder.is_dir():
            return []
        _same_files(folder, self.build / SESSION)
        return [
            f"the session model {self.old.session_model} stays as it was fitted: it knows neither "
            "new events nor new products until the next fit"
        ]

    def _rare(self, n: int) -> RelationGraph | None:
        folder = self.old.folder / RARE
        return grown(load_graph(folder, len(self.old)), n) if folder.is_dir() else None

    def facts(self) -> dict[str, Any]:
        """What the manifest tells, but of the data."""
        manifest = self.old.manifest
        told = answer_facts(self.graph, self.answers)
        told["health"]["left_out"] = {**manifest["health"]["left_out"], **self.answers.left_out}
        return {
            **version_facts(),
            "settings": manifest["settings"],
            "mined": self.mined,
            **told,
            "session": manifest.get("session", {}),
            "metrics": None,  # what was measured was measured before
        }


def _with_table(old: Bundle, products: Path | None, quarantine: Quarantine) -> Grown:
    known = Catalog(old.table.frame)
    if products is None:
        return Grown(known, np.zeros(0, dtype=np.int32), 0, [])
    return with_products(known, products, quarantine)


def _same_files(source: Path, target: Path) -> None:
    """The files of a folder in another, without copying where the file system can."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        same_file(file, target / file.name)
