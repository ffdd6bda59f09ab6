"""Which bundles a service has: from the command line and the project file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.core.errors import ConfigError
from goeswith.settings.shop_settings import ShopSettings, check_folders, check_shop_name

if TYPE_CHECKING:
    from goeswith.settings.serve_settings import ServeSettings

Shops = Mapping[str | None, tuple[Path, "ServeSettings"]]


def served_shops(
    arguments: Sequence[str], shops: Mapping[str, ShopSettings], serve: ServeSettings
) -> Shops:
    """Shop -> its bundle and settings; the only key is None for one bundle without a name.

    Args:
        arguments: a bundle, or `NAME=BUNDLE` for each shop.
        shops: of the project file, used without arguments; with `NAME=BUNDLE`, those of that name
            are its settings.
        serve: the table `serve`.

    Raises:
        ConfigError: there is no bundle, or it is not clear whose it is.
    """
    if len(arguments) == 1 and ("=" not in arguments[0] or Path(arguments[0]).is_dir()):
        return {None: (Path(arguments[0]), serve)}
    chosen = dict(shops) if not arguments else {}
    for argument in arguments:
        name, sign, path = argument.partition("=")
        if not sign or not path:
            raise ConfigError(
                f"{argument!r} has no name: with several bundles, write NAME=BUNDLE for each"
            )
        try:
            check_shop_name(name)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        if name in chosen:
            raise ConfigError(
                f"there are two bundles for the shop {name!r}; give each its own name"
            )
        own = shops.get(name, ShopSettings(bundle=path))
        chosen[name] = own.model_copy(update={"bundle": path})
    if not chosen:
        raise ConfigError(
            "pass a bundle, or NAME=BUNDLE for each of several shops, or write the tables "
            "[shops.NAME] into the project file"
        )
    settings = {name: shop.serve_settings(name, serve) for name, shop in chosen.items()}
    check_folders(settings)
    return {name: (Path(shop.bundle), settings[name]) for name, shop in chosen.items()}
