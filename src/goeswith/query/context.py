"""What a query works on: the stored bundle, and the door to its saved models."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from goeswith.query.explanation_store import ExplanationStore
from goeswith.store.manifest import Manifest
from goeswith.store.reader import StoredBundle

if TYPE_CHECKING:
    from goeswith.query.online_scoring import OnlineScorer


class QueryContext(StoredBundle):
    """A stored bundle with its explanations and its saved models."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path, manifest)
        self.explanations = ExplanationStore(self.explanation_arrays, self.products, self.table)
        self.online = True
        """Whether saved models score where the precomputed recommendations are not enough."""

    @cached_property
    def scorer(self) -> OnlineScorer:
        """The saved models, each loaded when it is first needed."""
        from goeswith.query.online_scoring import OnlineScorer

        return OnlineScorer(self)
