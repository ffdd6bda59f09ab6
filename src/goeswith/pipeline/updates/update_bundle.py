"""New events and new products into a bundle that is there, without a full fit.

Counts of new contexts are added to those of the bundle; what the models compute in closed form is
computed again, what was trained stays; all is answered anew and published as any fit is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from goeswith.core.errors import BundleError, DataError
from goeswith.core.progress import StepProgress
from goeswith.data.catalog import Catalog
from goeswith.data.quarantine import Quarantine
from goeswith.facts.fact_fold import settle_path
from goeswith.health.build_health import write_health
from goeswith.kinds.catalog_kinds import KIND, tag_catalog, with_kinds
from goeswith.pipeline.updates.add_products import (
    ExtendedCatalog,
    extend_catalog,
)
from goeswith.pipeline.updates.new_events import read_events
from goeswith.pipeline.updates.update_counts import (
    data_info,
    file_info,
)
from goeswith.pipeline.updates.updated_build import UpdatedBuild
from goeswith.query.bundle import Bundle
from goeswith.settings.renamed_settings import rename_settings
from goeswith.settings.sections import Settings
from goeswith.store.manifest import (
    read_manifest,
)
from goeswith.store.publish import new_build, publish
from goeswith.store.publish_check import BuildStatistics, check_publishable

if TYPE_CHECKING:
    pass

_MAX_BAD_ROWS: Final = 10
"""Rows of a file that may be bad whatever their share: files of a day are small."""


@dataclass(frozen=True)
class UpdateSummary:
    """What an update did.

    Attributes:
        events: number of counted events; 0 without a file.
        skipped: number of events that were already counted.
        products: new in the catalogue.
        existing: products of the table that were in the catalogue before; they stayed as they were.
        unused: columns of that table that the catalogue does not have.
        quarantine: rows set aside, by file and reason.
        notes: limits of the counts, for the user.
    """

    events: int
    skipped: int
    products: int
    existing: int
    unused: list[str]
    quarantine: list[dict[str, Any]]
    notes: list[str]


def update_bundle(
    path: Path,
    events: Path | None = None,
    products: Path | None = None,
    *,
    again: bool = False,
    replace: bool = False,
    progress: StepProgress | None = None,
) -> UpdateSummary:
    """Fold new events, new products or both into the bundle at `path`.

    Products alone need about the time of writing the bundle: models are not changed. Events are
    counted, and all recommendations computed again. The current bundle is served until the new
    one is complete, and stays if this run fails or is killed, or if the new one would be much
    worse (`publish_if` of its settings).

    Args:
        path: the bundle.
        events: a table as `events` of a data folder, of which baskets, sessions and users that
            are already counted are skipped; or a feedback folder of `goeswith serve`, of
            which new lines are counted.
        products: a table as `products` of a data folder. None for none.
        again: count what was counted before once more.
        replace: publish the new build even if it is much worse than the last one.
        progress: called with the current step.

    Raises:
        BundleError: the bundle is damaged, was made from lists, has counted this file already, or
            another run is writing it.
        DataError: a table cannot be used, or its contexts are not of the kind that was counted.
    """
    read_manifest(path)  # a folder that is no bundle is not to become one
    with new_build(path) as build:
        old = Bundle.open(path, verify=True)
        settings = _settings(old)
        quarantine = Quarantine(max_share=settings.data.max_bad_share, max_rows=_MAX_BAD_ROWS)
        catalog = _extended_catalog(old, settings, products, quarantine)
        new_events = None
        if events is not None:
            new_events = read_events(
                old, settings, catalog.catalog, events, quarantine, again=again
            )
        if events is None and not len(catalog.new):
            quarantine.check()
            raise DataError(f"{products}: every product of it is in the bundle already")
        run = UpdatedBuild(old, settings, catalog, build, progress)
        notes_ = run.add_products() if new_events is None else run.count_events(new_events)
        notes_ += run.keep_session() + run.keep_shoppers()
        run.keep_event_ids(new_events)
        if len(old.explanation_arrays):
            notes_.append("explanations are of the counts before: run `goeswith explain` again")
        quarantine.check()
        aside = quarantine.counts().to_dicts()
        files = new_events.files if new_events is not None else []
        files += [] if products is None else [file_info("products", products)]
        data = data_info(old, files, aside, len(catalog.catalog))
        last = BuildStatistics.from_manifest(old.manifest)
        health = run.health(new_events)
        statistics = run.statistics(last, new_events, health)
        if not replace:
            check_publishable(path, statistics, last, settings.publish_if)
        write_health(health, build)
        publish(
            build,
            {**run.manifest_fields(), "statistics": statistics.as_json(), "data": data},
        )
        settle_path(path)
        run.steps.finish()
        return UpdateSummary(
            0 if new_events is None else new_events.frame.height,
            0 if new_events is None else new_events.skipped,
            len(catalog.new),
            catalog.existing,
            catalog.unused,
            aside,
            notes_,
        )


def _settings(old: Bundle) -> Settings:
    try:
        stored = rename_settings(old.manifest["settings"], f"{old.path}: ")
        return Settings.model_validate(stored)
    except ValidationError as error:
        raise BundleError(
            f"{old.path} was fitted with settings that this goeswith cannot read; fit it again"
        ) from error


def _extended_catalog(
    old: Bundle, settings: Settings, products: Path | None, quarantine: Quarantine
) -> ExtendedCatalog:
    catalog = Catalog(old.table.frame)
    if products is None:
        return ExtendedCatalog(catalog, np.zeros(0, dtype=np.int32), 0, [])
    report = old.manifest["data"].get("report", {})
    extended = extend_catalog(catalog, products, quarantine, settings.data, report)
    if KIND not in catalog.frame.columns:
        return extended
    kinds = old.manifest.get("kinds", {})
    tags = tag_catalog(extended.catalog)
    tagged = with_kinds(extended.catalog, tags, fill_types=kinds.get("types", False))
    return replace(extended, catalog=tagged)
