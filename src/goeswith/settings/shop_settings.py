"""Shops of a service that has several: a table [shops.NAME] each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from goeswith.core.errors import ConfigError
from goeswith.settings.section import Section
from goeswith.settings.serve_settings import ServeSettings

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_shop_name(name: str) -> str:
    """A name that can be part of an address, as written.

    Raises:
        ValueError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:80]!r} is not a valid name for a shop: use 1 to 64 of letters, digits, '.', "
            "'_' and '-', a letter or digit first"
        )
    return name


ShopName = Annotated[str, AfterValidator(check_shop_name)]


class ShopSettings(Section):
    """A shop. What is not set is as in the table `serve`."""

    bundle: str = Field(description="Folder of the shop's bundle.")
    keys_file: str | None = Field(None, description="File of the API keys of this shop.")
    key_markets: dict[str, str] | None = Field(None, description="Name of a key -> its market.")
    editors: list[str] | None = Field(
        None, description="Names of the keys that may change products and rules of this shop."
    )
    report: str | None = Field(None, description="File from `goeswith benchmark -o FILE.json`.")
    feedback: str | None = Field(
        None, description="Folder for feedback; not set, NAME in the folder serve.feedback."
    )
    exposures: Literal["none", "sent", "seen"] | None = Field(
        None, description="What counts as an impression; see serve.exposures."
    )
    experiment: str | None = Field(None, description="File of an experiment of this shop.")

    def serve_settings(self, name: str, serve: ServeSettings) -> ServeSettings:
        """The settings of the service for this shop.

        Args:
            name: of the shop.
            serve: of the table `serve`.
        """
        own: dict[str, Any] = {
            key: value
            for key, value in self.model_dump(exclude={"bundle"}).items()
            if value is not None
        }
        if "feedback" not in own and serve.feedback is not None:
            own["feedback"] = str(Path(serve.feedback) / name)
        return ServeSettings.model_validate({**serve.model_dump(), **own})


def check_folders(shops: dict[str, ServeSettings]) -> None:
    """Refuse two shops with one folder for feedback: an update would count both.

    Raises:
        ConfigError: as above.
    """
    folders: dict[Path, str] = {}
    for name, settings in shops.items():
        if settings.feedback is None:
            continue
        other = folders.setdefault(Path(settings.feedback).resolve(), name)
        if other != name:
            raise ConfigError(
                f"the shops {other!r} and {name!r} have the folder {settings.feedback!r} for "
                "feedback: give each its own"
            )
