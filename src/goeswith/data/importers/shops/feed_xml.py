"""Items of an XML feed, one after the other, without what XML can do to a reader.

A document type or an entity declaration is refused, so that no entity is expanded and nothing
outside the file is read. Elements are dropped when their item ends.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat

from goeswith.core.errors import DataError
from goeswith.data.text_encoding import decompress

_BLOCK_BYTES: Final = 2**18
_MAX_DEPTH: Final = 64
_MAX_TEXT: Final = 2**20
"""Characters of a value: a description has some thousands."""


class _ItemReader:
    """Collects the direct children of item elements as name -> values, without prefixes."""

    def __init__(self, names: tuple[str, ...], path: Path) -> None:
        self._names = names
        self._path = path
        self._open: list[str] = []
        self._item: dict[str, list[str]] | None = None
        self._item_depth = 0
        self._text: list[str] = []
        self._length = 0
        self.items: list[dict[str, list[str]]] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse

    def _refuse(self, *_declaration: object) -> int:
        raise DataError(
            f"{self._path}, line {self.parser.CurrentLineNumber}: the feed declares a document "
            "type or an entity, which product feeds do not need and which is not read; remove "
            "<!DOCTYPE ...> from it"
        )

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2].lower()
        self._open.append(name)
        if len(self._open) > _MAX_DEPTH:
            raise DataError(
                f"{self._path} nests more than {_MAX_DEPTH} elements: this is not a product feed"
            )
        if self._item is None and name in self._names:
            self._item, self._item_depth = {}, len(self._open)
        self._text, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._item is not None:
            self._text.append(text)
            self._length += len(text)
            if self._length > _MAX_TEXT:
                line = self.parser.CurrentLineNumber
                raise DataError(f"{self._path}, line {line}: a value is longer than {_MAX_TEXT:,}")

    def _end(self, name: str) -> None:
        name = self._open.pop()
        if self._item is None:
            return
        if len(self._open) < self._item_depth:
            self.items.append(self._item)
            self._item = None
            return
        value = "".join(self._text).strip()
        # the price inside <g:shipping> is not the price of the product
        if value and len(self._open) == self._item_depth:
            self._item.setdefault(name, []).append(value)
        self._text, self._length = [], 0


def feed_items(path: Path, names: tuple[str, ...]) -> Iterator[dict[str, list[str]]]:
    """The items of a feed, plain or packed with gzip: name of an element -> its values.

    Args:
        path: the file.
        names: elements that are items, in lower case and without prefix.

    Raises:
        DataError: it is no complete XML, or declares a document type or an entity.
    """
    reader = _ItemReader(names, path)
    try:
        with path.open("rb") as raw, decompress(raw, path) as content:
            while block := content.read(_BLOCK_BYTES):
                reader.parser.Parse(block, False)
                yield from reader.items
                reader.items.clear()
            reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise DataError(
            f"{path}, line {error.lineno}: the feed is not complete XML "
            f"({expat.ErrorString(error.code)}); export it again"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); copy or write it again") from error
