"""A bundle that a service answers from: where it is, how it is checked, and its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.query.bundle import Bundle
from goeswith.serve.process.build_verifier import BuildVerifier
from goeswith.serve.process.reloader import Reloader
from goeswith.serve.process.trial_load import TrialLoad
from goeswith.store.early_checksums import end_threads

if TYPE_CHECKING:
    from goeswith.settings.serve_settings import ServeSettings


@dataclass
class ServedBundle:
    """A bundle of a service.

    Attributes:
        shop: name; None where the service has one bundle.
        path: of the bundle.
        settings: of the service for it.
        verifier: shared by the processes of a service.
        bundle: what a worker begins with; None once it has taken it.
    """

    shop: str | None
    path: Path
    settings: ServeSettings
    verifier: BuildVerifier
    bundle: Bundle | None

    @classmethod
    def open(cls, shop: str | None, path: Path, settings: ServeSettings) -> ServedBundle:
        """Open a bundle with every file checked.

        Raises:
            BundleError: the bundle cannot be answered from.
        """
        verifier = BuildVerifier(settings.trusted_keys)
        bundle = Bundle.open(path, verify=verifier)
        end_threads()
        verifier.trial = trial = TrialLoad(path, live=settings.live)
        verifier.end = trial.end
        return cls(shop, path, settings, verifier, bundle)

    def take(self) -> Bundle:
        """The bundle that a worker begins with, which must be able to let go of it."""
        bundle, self.bundle = self.current(), None
        return bundle

    def current(self) -> Bundle:
        """The bundle that the next worker begins with."""
        assert self.bundle is not None
        return self.bundle

    def follower(self) -> Callable[[], bool]:
        """Looks for a new build that a worker has tried, for workers that are started then."""

        def swap(bundle: Bundle) -> None:
            self.bundle = bundle

        return Reloader(self.path, self.current, swap, self.verifier, follows=True).check
