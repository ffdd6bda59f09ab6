"""The main job from Python: fit a bundle, open one, compare models. Product ids in and out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goeswith.core.progress import StepProgress
    from goeswith.data.dataset import Dataset
    from goeswith.evaluation.benchmark_result import BenchmarkResult
    from goeswith.models.base import Model, Recommender
    from goeswith.query.bundle import Bundle
    from goeswith.settings.sections import Settings


def fit(
    data: Dataset | Path | str,
    out: Path | str,
    *,
    model: str | Recommender | type[Recommender] | None = None,
    budget: str | None = None,
    settings: Settings | None = None,
    progress: StepProgress | None = None,
    replace: bool = False,
) -> Bundle:
    """Learn what goes with what, write a bundle and open it: what `goeswith fit` does.

    Args:
        data: a data set, or the folder to read one from.
        out: the bundle's folder; an earlier bundle there is replaced once the new one is complete.
        model: that ranks first: a name (`ease:l2=200`, `module:Class`), a model or its class; None
            chooses by the size of the catalogue.
        budget: fast, balanced or best; what the default model may cost.
        settings: of a project file (`goeswith.settings.load_settings`); None for the defaults. The
            arguments above win over them.
        progress: called before every step.
        replace: publish the new bundle even if it is empty or much worse than the one there
            (`[publish_if]` of the settings).

    Raises:
        ConfigError: a model or a setting is unknown or out of range.
        DataError: no relation can be built from the data.
        BundleError: `out` holds other files, another run is writing it, or the new bundle lacks
            much of what the one there has.
    """
    from goeswith.data.folder import load_data
    from goeswith.pipeline.fit_bundle import fit_bundle
    from goeswith.settings.sections import Settings

    settings = settings or Settings()
    changes: dict[str, Any] = {}
    if model is not None:
        changes["model"], models = _named(model)
        settings = settings.model_copy(update={"models": {**settings.models, **models}})
    if budget is not None:
        changes["budget"] = budget
    if changes:
        # validated anew: a wrong budget is an error here too
        fit_settings = {**settings.fit.model_dump(), **changes}
        settings = settings.model_copy(
            update={"fit": type(settings.fit).model_validate(fit_settings)}
        )
    if isinstance(data, Path | str):
        data = load_data(data, settings=settings.data)
    fit_bundle(data, Path(out), settings, progress=progress, replace=replace)
    return open_bundle(out)


def open_bundle(
    path: Path | str,
    *,
    verify: bool = False,
    models: Sequence[type[Recommender]] = (),
    trusted_keys: Sequence[str] = (),
) -> Bundle:
    """Open a bundle for queries.

    Args:
        path: the folder that was given to `fit`.
        verify: also compare the SHA-256 of every file (about a second a gigabyte).
        models: classes outside goeswith that the bundle may load.
        trusted_keys: public keys of `goeswith signing-key`, one of which must have signed the
            bundle; with any, every file is compared.

    Raises:
        BundleError: it is missing, incomplete, damaged, edited, of a newer format, or not signed
            by a trusted key.
    """
    from goeswith.models import MODELS
    from goeswith.query.bundle import Bundle

    for kind in models:
        MODELS.register(kind)
    return Bundle.open(path, verify, trusted_keys)


def benchmark(
    data: Dataset | Path | str,
    models: Sequence[str | Model | type[Model]] | None = None,
    protocol: str | Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    *,
    settings: Settings | None = None,
    progress: StepProgress | None = None,
) -> BenchmarkResult:
    """Fit models on a part of the data and measure them on the rest, as `goeswith benchmark` does.

    Args:
        data: a data set, or the folder to read one from.
        models: names (`ease:l2=200`, `module:Class`), models or their classes; None compares those
            in closed form.
        protocol: basket, edges, cold, direction, time, gold, leave_one_out, given, sessions or
            next_basket; or several. None for basket if there are events with purchases, and else
            edges.
        seeds: one split each, and the `seed` of models that have one.
        settings: of a project file; None for the defaults.
        progress: called before every fit.

    Raises:
        ConfigError: an unknown model, protocol or setting.
        DataError: the data lacks what a protocol needs.
    """
    from goeswith.data.folder import load_data
    from goeswith.evaluation.benchmark_result import BenchmarkResult
    from goeswith.evaluation.comparison import benchmark as compare
    from goeswith.evaluation.protocols import default_protocol
    from goeswith.settings.sections import Settings

    settings = settings or Settings()
    if isinstance(data, Path | str):
        data = load_data(data, settings=settings.data)
    protocol = default_protocol(data) if protocol is None else protocol
    protocols = [protocol] if isinstance(protocol, str) else list(protocol)
    return BenchmarkResult(compare(data, models, protocols, seeds, settings, progress))


def _named(model: str | Recommender | type[Recommender]) -> tuple[str, dict[str, dict[str, Any]]]:
    """The name of a model, and its settings as a project file has them."""
    from goeswith.models import MODELS

    if isinstance(model, str):
        MODELS.trust(model)
        return model, {}
    if isinstance(model, type):
        return MODELS.register(model), {}
    name = MODELS.register(type(model))
    return name, {name: model.config.model_dump(mode="json")}
