"""The bundle that answers now: a new build replaces it, a damaged one does not."""

from __future__ import annotations

from pathlib import Path

from goeswith.core.errors import GoesWithError
from goeswith.query.bundle import Bundle
from goeswith.store.manifest import MANIFEST


class CurrentBundle:
    """Opens the bundle at a path, and again once its manifest is another file.

    Attributes:
        error: why the newest build is not used; None if it is.
    """

    def __init__(self, path: Path) -> None:
        """Open the bundle.

        Raises:
            BundleError: it is missing or damaged.
        """
        self._path = path
        self._bundle = Bundle.open(path)
        self._stamp = self._manifest_stamp()
        self.error: str | None = None

    def __call__(self) -> Bundle:
        """The newest build that can be opened."""
        stamp = self._manifest_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._bundle, self.error = Bundle.open(self._path), None
            except GoesWithError as error:
                self.error = str(error)
        return self._bundle

    def _manifest_stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = (self._path / MANIFEST).stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
