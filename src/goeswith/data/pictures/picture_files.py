"""Picture files of products: found in one folder, opened with limits.

Pictures come from suppliers and may be hostile. A path stays in the folder, also through links; a
file is read up to a size, and decoded up to a number of pixels, by decoders of common formats only.
"""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from goeswith.core.errors import ConfigError, DataError
from goeswith.data.catalog import Catalog

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES: Final = 50_000_000
"""Bytes of a picture file at most."""
MAX_PIXELS: Final = 50_000_000
"""Pixels of a picture at most: a small file can hold a picture that fills the memory."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})
_READ_SIZE: Final = 512
"""Encoders read a few hundred pixels a side: larger pictures are reduced at once."""


class PictureError(ValueError):
    """A picture that cannot be used; the text is the reason."""


def picture_paths(catalog: Catalog, folder: Path, column: str | None) -> dict[int, str]:
    """Row of each product with a picture -> its path within the folder, not checked.

    Args:
        catalog: the products.
        folder: of the pictures.
        column: with the paths; None where the name of a file is the product id.

    Raises:
        DataError: there is no such folder or column.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; correct folder under [data.pictures]")
    if column is not None:
        values = catalog.text(column)
        if values is None:
            raise DataError(
                f"the products have no column {column!r}; correct column under [data.pictures]; "
                f"there are {', '.join(catalog.frame.columns)}"
            )
        return {row: value.strip() for row, value in enumerate(values) if value and value.strip()}
    names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    by_id: dict[str, str] = {}
    for name in names:
        by_id.setdefault(Path(name).stem, name)
    return {row: by_id[id_] for row, id_ in enumerate(catalog.ids) if id_ in by_id}


def read_picture(folder: Path, name: str) -> bytes:
    """The content of a picture file.

    Raises:
        PictureError: the file is not in the folder, too large, or cannot be read.
    """
    if "://" in name:
        raise PictureError("is an address; download the picture into the folder")
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise PictureError("leads out of the folder; move the picture into it")
        if not path.is_file():
            raise PictureError("is not a file in the folder")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except PictureError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte, a loop of links
        raise PictureError("cannot be opened") from error
    if len(content) > MAX_BYTES:
        raise PictureError(f"has more than {MAX_BYTES:,} bytes; store it smaller")
    return content


def decode_picture(content: bytes) -> Image:
    """An RGB picture of at most 512 pixels a side, what is transparent being white.

    Raises:
        PictureError: it is no picture, damaged, or too large.
        ConfigError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError("pictures need Pillow: pip install 'goeswith[pictures]'") from error
    too_large = f"has more than {MAX_PIXELS:,} pixels; store it smaller"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata; the size is checked here
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError(too_large)
            picture.draft("RGB", (_READ_SIZE, _READ_SIZE))
            picture.thumbnail((_READ_SIZE, _READ_SIZE))
            if picture.has_transparency_data:
                layers = picture.convert("RGBA")
                white = Image.new("RGBA", layers.size, "white")
                picture = Image.alpha_composite(white, layers)  # type: ignore[assignment]
            return picture.convert("RGB")
    except Image.DecompressionBombError as error:
        raise PictureError(too_large) from error
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, IndexError) as error:
        raise PictureError("is not a readable picture, or it is damaged; save it again") from error
