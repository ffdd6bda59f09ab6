"""A new build from the bundle before and what was added: counts, models, answers, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.atomic_files import link_or_copy
from goeswith.core.progress import StepProgress
from goeswith.data.event_ids import merge_hashes
from goeswith.health.build_health import measure_build, stored_health
from goeswith.health.log_volume import add_volumes, log_volume
from goeswith.models.base import Recommender
from goeswith.pipeline.empty_fit import count_events
from goeswith.pipeline.exclusion_index import ExclusionIndex
from goeswith.pipeline.fit_bundle import (
    build_statistics,
    relation_names,
    top_k_info,
    version_info,
    write_build,
)
from goeswith.pipeline.fit_progress import FitProgress
from goeswith.pipeline.precompute import precompute
from goeswith.pipeline.updates.add_products import (
    ExtendedCatalog,
    extend_top_k,
    insert_new,
)
from goeswith.pipeline.updates.new_events import NewEvents, counted_event_ids
from goeswith.pipeline.updates.update_counts import (
    check_contexts,
    count_notes,
    merge_reports,
    relation_notes,
)
from goeswith.query.bundle import Bundle
from goeswith.query.online_scoring import load_model, model_folders, reads_attributes
from goeswith.relations.graph_arithmetic import (
    add_graphs,
    merge_below_support,
    split_by_support,
    with_new_items,
    without_min_counts,
)
from goeswith.relations.graph_files import load_graph, save_graph
from goeswith.relations.mining_report import MiningReport, read_mined_relations
from goeswith.settings.sections import Settings
from goeswith.store.manifest import (
    BELOW_SUPPORT,
    COUNTED,
    EVENT_IDS,
    PERSONAL,
    RELATIONS,
    SESSION,
    SHOPPER_MODEL,
    SHOPPERS,
    TOP_K,
    TRIAL_REPEAT,
    below_support_folder,
)
from goeswith.store.publish_check import BuildStatistics

if TYPE_CHECKING:
    from goeswith.health.health_report import BuildHealth
    from goeswith.relations.graph import RelationGraph


class UpdatedBuild:
    """A build that starts from the bundle before."""

    def __init__(
        self,
        old: Bundle,
        settings: Settings,
        extended: ExtendedCatalog,
        build: Path,
        progress: StepProgress | None,
    ) -> None:
        self.old, self.settings, self.extended, self.build = old, settings, extended, build
        self.folders = model_folders(old.folder)
        self.specs = old.models[: len(self.folders)]
        self.steps = FitProgress(len(extended.catalog), len(self.specs), progress)
        self.mined = read_mined_relations(old.manifest.get("mined", []))

    def add_products(self) -> list[str]:
        """Answer and propose new products with the models as they are."""
        self.steps.log("answering new products")
        n = len(self.extended.catalog)
        self.graph = with_new_items(load_graph(self.old.folder / RELATIONS, len(self.old)), n)
        exclusions = ExclusionIndex(
            self.extended.catalog, self.graph, by_kinds=self.old.kinds_exclude
        )
        models = [
            (spec, load_model(folder, spec) if reads_attributes(spec) else None)
            for spec, folder in zip(self.specs, self.folders, strict=True)
        ]
        self.table = extend_top_k(
            load_arrays(self.old.folder / TOP_K), models, self.extended, exclusions
        )
        self.table.probabilities = self.old.manifest.get("probabilities", [])
        self.steps.log("writing")
        for folder in self.folders:
            _link_files(folder, self.build / folder.relative_to(self.old.folder))
        if (self.old.folder / COUNTED).is_file():
            link_or_copy(self.old.folder / COUNTED, self.build / COUNTED)
        write_build(
            self.build, self.extended.catalog, self.graph, self.table, self.settings.fit.without
        )
        below_support = self._below_support(n)
        if below_support is not None:
            save_graph(below_support, self.build / BELOW_SUPPORT)
        return []

    def count_events(self, new_events: NewEvents) -> list[str]:
        """Add the counts of new events, have the models take them over, and answer everything."""
        from goeswith.relations.build_graph import mine_catalog

        self.steps.log("counting")
        catalog, n = self.extended.catalog, len(self.extended.catalog)
        report = MiningReport()
        config = without_min_counts(self.settings.relations)
        new_graph = mine_catalog(new_events.frame, catalog, config, report)
        check_contexts(self.mined, report, new_events.path)
        everything = with_new_items(load_graph(self.old.folder / RELATIONS, len(self.old)), n)
        below_support = self._below_support(n)
        if below_support is not None:
            everything = merge_below_support(everything, below_support)
        everything = add_graphs(everything, new_graph).with_types(catalog.type_codes)
        self.graph, below_support = split_by_support(everything, self.settings.relations)
        place = dict(zip(self.specs, self.folders, strict=True))

        def refreshed(spec: str) -> Recommender:
            return load_model(place[spec], spec).refresh(catalog, self.graph)

        self.table = precompute(
            self.specs,
            refreshed,
            catalog,
            self.graph,
            self.steps,
            build=self.build,
            k=self.old.k,
            by_kinds=self.old.kinds_exclude,
        )
        added = np.arange(self.old.manifest["data"].get("fitted", len(self.old)), n, dtype=np.int32)
        added_catalog = ExtendedCatalog(catalog, added, 0, [])
        insert_new(
            self.table,
            added_catalog,
            ExclusionIndex(catalog, self.graph, by_kinds=self.old.kinds_exclude),
        )
        self.steps.log("writing")
        write_build(self.build, catalog, self.graph, self.table, self.settings.fit.without)
        save_graph(below_support, self.build / BELOW_SUPPORT)
        self._save_counted(new_events)
        self.mined = merge_reports(self.mined, report)
        new_relations = relation_notes(relation_names(self.graph), self.specs, self.old)
        return [*new_events.notes, *new_relations, *count_notes(report, self.old)]

    def _save_counted(self, new_events: NewEvents) -> None:
        stored = self.old.folder / COUNTED
        if new_events.counted is not None:
            new_events.counted.save(self.build / COUNTED)
        elif stored.is_file():  # feedback is recognised by its lines
            link_or_copy(stored, self.build / COUNTED)

    def health(self, new_events: NewEvents | None) -> BuildHealth:
        """Health of the new build."""
        stored = stored_health(self.old.folder, self.old.manifest["files"])
        log = None if stored is None else stored.log
        if new_events is not None:
            log = add_volumes(log, log_volume(new_events.frame, count_new=False))
        return measure_build(self.build, self.table.models, log, self.old.path)

    def statistics(
        self, last: BuildStatistics, new_events: NewEvents | None, health: BuildHealth
    ) -> BuildStatistics:
        """Statistics of the new build."""
        added = {} if new_events is None else count_events(new_events.frame)
        rows = {name: count + added.get(name, 0) for name, count in last.rows.items()}
        return build_statistics(rows, self.graph, self.table, health)

    def keep_session(self) -> list[str]:
        """Copy the next-product model, whose training data are not stored."""
        folder = self.old.folder / SESSION
        if self.old.session_model is None or not folder.is_dir():
            return []
        _link_files(folder, self.build / SESSION)
        return [
            f"the session model {self.old.session_model} is unchanged: it does not use new "
            "events or new products until the next fit"
        ]

    def keep_shoppers(self) -> list[str]:
        """Copy the histories of shoppers and their model, as of the fit."""
        for name in self.old.manifest["files"]:
            if name in {PERSONAL, SHOPPERS, TRIAL_REPEAT} or name.startswith(f"{SHOPPER_MODEL}/"):
                link_or_copy(self.old.folder / name, self.build / name)
        if SHOPPERS not in self.old.manifest["files"]:
            return []
        return ["the histories of shoppers are unchanged until the next fit"]

    def keep_event_ids(self, new_events: NewEvents | None) -> None:
        """Write the ids of all counted events, so that none is counted again."""
        hashes = counted_event_ids(self.old)
        if new_events is not None:
            hashes = merge_hashes(hashes, new_events.event_ids)
        if len(hashes):
            save_arrays({"hashes": hashes}, self.build / EVENT_IDS)

    def _below_support(self, n: int) -> RelationGraph | None:
        folder = below_support_folder(self.old.folder)
        return with_new_items(load_graph(folder, len(self.old)), n) if folder is not None else None

    def manifest_fields(self) -> dict[str, Any]:
        """Fields of the manifest, except `data`."""
        manifest = self.old.manifest
        fields = top_k_info(self.graph, self.table)
        fields["health"]["left_out"] = {**manifest["health"]["left_out"], **self.table.left_out}
        return {
            **version_info(),
            "settings": self.settings.model_dump(mode="json"),
            "mined": self.mined,
            **fields,
            "session": manifest.get("session", {}),
            "shoppers": manifest.get("shoppers", {}),
            "metrics": None,  # they were measured on the old bundle
        }


def _link_files(source: Path, target: Path) -> None:
    """The files of a folder in another, without copying where the file system can."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        link_or_copy(file, target / file.name)
