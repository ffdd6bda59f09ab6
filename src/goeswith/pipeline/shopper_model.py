"""The shopper part of a bundle: histories by hashed id, and the model of next baskets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.arrays_file import load_arrays, save_arrays
from goeswith.core.atomic_files import link_or_copy
from goeswith.core.errors import ConfigError, DataError
from goeswith.core.progress import MessageProgress
from goeswith.data.catalog import Catalog
from goeswith.models.registry import model_name
from goeswith.settings.sections import AUTO, NONE
from goeswith.shoppers import SHOPPER_MODELS
from goeswith.shoppers.histories import Histories, histories_from_events
from goeswith.shoppers.personal_evidence import PersonalEvidence
from goeswith.shoppers.personal_trees import PersonalTrees
from goeswith.shoppers.shopper_store import KEY_VARIABLE, ShopperStore
from goeswith.shoppers.trial_repeat import trial_and_repeat
from goeswith.store.manifest import PERSONAL, SHOPPER_MODEL, SHOPPERS, TRIAL_REPEAT
from goeswith.store.publish import UNPUBLISHED, new_build, publish
from goeswith.store.reader import StoredBundle

if TYPE_CHECKING:
    from goeswith.data.dataset import Dataset
    from goeswith.settings.sections import Settings

_AUTO_MODEL: Final = "shopper_ranker"


def fit_shoppers(
    dataset: Dataset,
    settings: Settings,
    build: Path,
    checkpoints: Path,
    on_progress: MessageProgress,
) -> dict[str, Any]:
    """Fit the model that `fit.shopper_model` names, and save it and the histories in a build.

    Of any log with shoppers, how often products are tried and bought again is saved too.

    Returns:
        the entry of the manifest: `model`, `shoppers` and where the key is; or None and `why_not`.

    Raises:
        ConfigError: a model is named and the data have no shoppers.
    """
    spec = settings.fit.shopper_model
    no_model = {"model": None, "why_not": 'it was fitted with fit.shopper_model = "none"'}
    try:
        if dataset.events is None:
            raise DataError("the data have no events")
        histories, ids = histories_from_events(dataset.events, len(dataset.catalog))
    except DataError as error:
        if spec == NONE:
            return no_model
        raise ConfigError(f"fit.shopper_model = {spec!r}: {error}") from error
    _save_trial_repeat(histories, dataset.catalog, build)
    if spec == NONE:
        return no_model
    spec = _AUTO_MODEL if spec == AUTO else spec
    store = ShopperStore.from_ids(histories, ids.to_list())
    model = SHOPPER_MODELS.make(spec, settings.models)
    model.set_checkpoints(checkpoints, on_progress)
    on_progress(f"fitting the shopper model {spec}")
    model.fit(dataset.catalog, store.histories).save(build / SHOPPER_MODEL)
    store.save(build / SHOPPERS)
    trees, reason = PersonalTrees.fit(store.histories)
    on_progress(f"complements for one shopper: {reason}")
    if trees is not None:
        save_arrays(trees.arrays(), build / PERSONAL)
    return {
        "model": spec,
        "shoppers": len(histories),
        "key": "bundle" if store.key_is_stored else KEY_VARIABLE,
    }


def _save_trial_repeat(histories: Histories, catalog: Catalog, build: Path) -> None:
    rates = trial_and_repeat(histories, catalog.type_codes)
    if rates is not None:
        save_arrays(rates, build / TRIAL_REPEAT)


def forget_shopper(path: Path, user_id: str) -> bool:
    """Publish a build of a bundle without the history of a shopper.

    What the model counts of other shoppers is counted again; learned weights stay, which hold no
    history. The build before is removed, unless another process reads it (`replaced_builds`).

    Returns:
        whether the bundle had her history.

    Raises:
        BundleError: it is damaged, has no histories, or another run is writing it.
        ConfigError: the key of the ids is missing.
    """
    bundle = StoredBundle.open(path)
    entry = bundle.manifest.get("shoppers") or {}
    if not entry.get("model"):
        raise ConfigError(f"{path} has no histories of shoppers to forget (fit.shopper_model)")
    with new_build(path) as build:
        store = ShopperStore.load(bundle.folder / SHOPPERS)
        row = store.find(user_id)
        if row is None:
            return False
        kind = SHOPPER_MODELS.find(model_name(entry["model"]))
        model = kind.load(bundle.folder / SHOPPER_MODEL)
        others = store.without(row)
        model.refresh(Catalog(bundle.table.frame[: model.n]), others.histories)
        model.save(build / SHOPPER_MODEL)
        others.save(build / SHOPPERS)
        if PERSONAL in bundle.manifest["files"]:
            counts = PersonalEvidence.count(others.histories).arrays()
            trees = load_arrays(bundle.folder / PERSONAL)["trees"]
            save_arrays({"trees": trees, **counts}, build / PERSONAL)
        _save_trial_repeat(others.histories, Catalog(bundle.table.frame[: model.n]), build)
        for name in bundle.manifest["files"]:
            if name != TRIAL_REPEAT and not (build / name).exists():
                link_or_copy(bundle.folder / name, build / name)
        content = {k: v for k, v in bundle.manifest.items() if k not in UNPUBLISHED}
        count = {"shoppers": len(others.histories)}
        publish(build, {**content, "shoppers": {**entry, **count}})
        del bundle  # its lease would keep the build that holds her history on disk
    return True
