"""A check before publishing: a build that lost much of the last one does not replace it.

The statistics of a build are in its manifest, under `statistics`. The limits are settings,
`[publish_if]`: shares of what the last build had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import BundleError
from goeswith.store.manifest import read_manifest

if TYPE_CHECKING:
    from goeswith.settings.sections import PublishSettings

_OVERRIDE: Final = "give --replace (Python: replace=True) to publish the new build all the same"


@dataclass(frozen=True)
class BuildStatistics:
    """What a build was made from and what it answers.

    Attributes:
        rows: what was counted -> how often: `events`, and of them `purchases` and `views`;
            `relations` and `bundles` for lists.
        products: in the catalogue.
        products_with_pairs: in at least one pair of complements, by evidence; None if not counted.
        answered: products with at least one recommendation; None before they are computed.
        recommendations: of all products.
        first_model: products with a recommendation of the first model, which is no fallback.
        model: its spec.
        look_alikes: share of them in the first five recommendations of all products.
    """

    rows: Mapping[str, int]
    products: int
    products_with_pairs: int | None = None
    answered: int | None = None
    recommendations: int | None = None
    first_model: int | None = None
    model: str | None = None
    look_alikes: float | None = None

    @classmethod
    def from_manifest(cls, content: Mapping[str, Any]) -> BuildStatistics:
        """Those of a published build; a bundle of an earlier version has fewer of them."""
        if "statistics" in content:
            return cls(**content["statistics"])
        read, health = content["data"]["rows"], content["health"]
        rows = {
            name: int(read[name])
            for name in ("events", "relations", "bundles")
            if read.get(name) is not None
        }
        products = int(read["products"])
        answers = health.get("answers")
        return cls(
            rows,
            products,
            answered=products - int(health.get("products_without_answers", 0)),
            recommendations=None if answers is None else sum(answers.values()),
        )

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {**asdict(self), "rows": dict(self.rows)}


def last_statistics(path: Path) -> BuildStatistics | None:
    """Statistics of the build that the bundle at `path` answers from; None without a usable one."""
    try:
        return BuildStatistics.from_manifest(read_manifest(path).content)
    except (BundleError, KeyError, TypeError, ValueError):
        return None  # nothing there that a new build could make worse


def losses(new: BuildStatistics, last: BuildStatistics, limits: PublishSettings) -> list[str]:
    """What the new build lost against the last one, beyond the limits; empty if nothing."""
    found = [
        _compare(name, new.rows.get(name, 0), count, limits.min_events)
        for name, count in last.rows.items()
    ]
    found += [
        _compare(what, value, before, limits.min_answers)
        for what, value, before in (
            ("products in pairs of complements", new.products_with_pairs, last.products_with_pairs),
            ("products with recommendations", new.answered, last.answered),
            ("recommendations", new.recommendations, last.recommendations),
            (
                f"products with recommendations of {new.model}",
                new.first_model if new.model == last.model else None,
                last.first_model,
            ),
        )
        if value is not None and before is not None
    ]
    if new.look_alikes is not None and last.look_alikes is not None:
        found.append(_compare_look_alikes(new.look_alikes, last.look_alikes, limits))
    return [text for text in found if text]


def check_publishable(
    path: Path,
    new: BuildStatistics,
    last: BuildStatistics | None,
    limits: PublishSettings,
    reasons: Sequence[str] = (),
) -> None:
    """Refuse a build without recommendations, and one that lost much of the last build.

    Args:
        path: the bundle.
        new: the build to publish; without answers before these are computed.
        last: the published build; None if there is none.
        limits: shares of the last build that are required.
        reasons: why there are few answers, for the message.

    Raises:
        BundleError: with both numbers of each loss.
    """
    why = f" ({'; '.join(reasons)})" if reasons else ""
    state = f"{path} keeps its build" if last is not None else f"no bundle is written to {path}"
    if new.answered == 0 and (last is None or last.answered != 0):
        raise BundleError(
            f"{state}: none of {new.products:,} products has a recommendation{why}. Check the "
            f"data, or {_OVERRIDE}"
        )
    lost = [] if last is None else losses(new, last, limits)
    if lost:
        raise BundleError(
            f"{state}: the new one would be much worse: {'; '.join(lost)}{why}. Check that the "
            f"data are complete, name another folder, change the limits of [publish_if], or "
            f"{_OVERRIDE}"
        )


def _compare_look_alikes(now: float, before: float, limits: PublishSettings) -> str:
    """A sentence if the share of look-alikes grew beyond the limit, else nothing."""
    if now <= before + limits.max_look_alikes:
        return ""
    return (
        f"{now:.1%} look-alikes among the first five recommendations, {before:.1%} before (at most "
        f"{limits.max_look_alikes:.0%} more allowed)"
    )


def _compare(what: str, now: int, before: int, share: float) -> str:
    """A sentence if `now` is less than a share of `before`, else nothing."""
    if now >= share * before:
        return ""
    return f"{now:,} {what}, {before:,} before ({now / before:.1%}; at least {share:.0%} required)"
