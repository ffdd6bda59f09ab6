"""Clicks and purchases of shown pairs, beside as many as their impressions let expect.

An impression at rank r counts as the propensity of that rank, and the expectation is that of the
pair's product types. So a pair is not better for standing high, nor worse for standing low. The
ratio of observed to expected is smoothed by adding the same number to both: a pair with few
impressions has a ratio near 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from goeswith.core.arrays import Rows, Sparse

CLICK_RATIO: Final = "click_ratio"
ATTACH_RATIO: Final = "attach_ratio"
CLICK_EVIDENCE: Final = (ATTACH_RATIO, CLICK_RATIO)
"""Names of the columns of `evidence`."""
_SMOOTHING: Final = 2.0
"""Added to the observed and to the expected number of a pair."""
_Z: Final = 1.645
"""Standard errors by which clicks exceed their expectation in a label, one-sided 95 %."""
_MIN_LABEL: Final = 3
"""Clicks of a label."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairClicks:
    """What followed the impressions of m pairs.

    Attributes:
        n: products.
        sources: (m,) rows of the queried products.
        targets: (m,) rows of the shown products.
        clicks: (m,) impressions that were clicked.
        expected_clicks: (m,) as many as impressions of these types at these ranks.
        attached: (m,) impressions after which the product was bought.
        expected_attached: (m,) likewise.
    """

    n: int
    sources: Rows
    targets: Rows
    clicks: Numbers
    expected_clicks: Numbers
    attached: Numbers
    expected_attached: Numbers

    def __len__(self) -> int:
        return len(self.sources)

    def evidence(self) -> dict[str, Sparse]:
        """(n, n) CSR of the log ratio of observed to expected, for clicks and purchases."""
        columns = {
            ATTACH_RATIO: (self.attached, self.expected_attached),
            CLICK_RATIO: (self.clicks, self.expected_clicks),
        }
        return {
            name: self._matrix(np.log((seen + _SMOOTHING) / (expected + _SMOOTHING)))
            for name, (seen, expected) in columns.items()
        }

    def labels(self) -> Sparse:
        """(n, n) CSR of ones: pairs that are surely clicked more often than expected."""
        surely = self.clicks - _Z * np.sqrt(self.clicks) > self.expected_clicks
        return self._matrix((surely & (self.clicks >= _MIN_LABEL)).astype(np.float64))

    def split(self, rng: np.random.Generator) -> tuple[Self, Self]:
        """Two halves of the impressions, drawn at random: features and labels must not share a
        click.
        """
        halves = []
        for seen in (self.clicks, self.attached):
            count = np.rint(seen).astype(np.int64)
            part = rng.binomial(count, 0.5).astype(np.float64)
            halves.append((part, count - part))
        (clicks, other_clicks), (attached, other_attached) = halves
        expected = self.expected_clicks / 2, self.expected_attached / 2
        pairs = self.n, self.sources, self.targets
        one = type(self)(*pairs, clicks, expected[0], attached, expected[1])
        return one, type(self)(*pairs, other_clicks, expected[0], other_attached, expected[1])

    def _matrix(self, values: Numbers) -> Sparse:
        matrix = sparse.csr_matrix(
            (values.astype(np.float32), (self.sources, self.targets)), shape=(self.n, self.n)
        )
        matrix.eliminate_zeros()
        return matrix


def padded(evidence: Mapping[str, Sparse], n: int) -> dict[str, Sparse]:
    """Click evidence with new products after the present ones; other evidence is left out."""
    grown = {}
    for name in CLICK_EVIDENCE:
        if name in evidence:
            matrix = evidence[name].copy()
            matrix.resize(n, n)
            grown[name] = matrix
    return grown
