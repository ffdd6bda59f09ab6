"""The model that `goeswith fit` would deploy, as an entrant of a benchmark, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goeswith.kinds.catalog_kinds import KIND, tag_catalog, with_kinds

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.settings.sections import Settings


def as_deployed(dataset: Dataset, settings: Settings) -> tuple[Dataset, Settings]:
    """The data and settings of a fit: its models, and kinds where these decide on substitutes."""
    tagged = _with_kinds(dataset, settings)
    resolved = settings.resolve(
        len(dataset.catalog),
        has_counts=dataset.counted,
        has_views=dataset.has_views,
        by_kinds=tagged is not None,
    )
    return tagged or dataset, resolved


def _with_kinds(dataset: Dataset, settings: Settings) -> Dataset | None:
    """The data set with kinds; None if they do not decide what is a substitute."""
    catalog = dataset.catalog
    if settings.kinds.use == "none" or dataset.views_decide:
        return None
    if catalog.text("title") is None and KIND not in catalog.frame.columns:
        return None
    tags = tag_catalog(catalog)
    if sum(tag.kind is not None for tag in tags) < settings.kinds.min_share * len(catalog):
        return None
    return replace(dataset, catalog=with_kinds(catalog, tags))


def verdict(table: dict[str, Any]) -> str | None:
    """One line on what a fit deploys, what is best, and whether the difference is real.

    Args:
        table: of one protocol, as `benchmark` returns it.

    Returns:
        None where no model was measured, or the deployed one is not in the table.
    """
    test, deployed = table["bootstrap"], table.get("deployed")
    if test is None or deployed not in {row["model"] for row in table["results"]}:
        return None
    metric, best = test["metric"], test["best"]
    if deployed == best:
        rivals = [row for row in test["comparisons"] if not row["model"].startswith(deployed)]
        if not rivals:
            return f"deployed: {deployed}, the only model"
        second = max(rivals, key=lambda row: row["difference"])
        return (
            f"deployed: {deployed}, the best by {metric}; next {second['model']}, lower by "
            f"{-second['difference']:.4f} ({_certainty(second)})"
        )
    against = next((row for row in test["comparisons"] if row["model"] == deployed), None)
    if against is None:
        return f"deployed: {deployed}; it could not be measured here"
    return (
        f"deployed: {deployed}; the best by {metric} is {best}, higher by "
        f"{-against['difference']:.4f} ({_certainty(against)})"
    )


def _certainty(row: dict[str, Any]) -> str:
    low, high = -row["high"], -row["low"]
    real = "a real difference" if low > 0 else "within chance"
    return f"95 % interval {low:.4f} to {high:.4f}, {real}"
