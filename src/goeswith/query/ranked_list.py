"""The ranked list that one product's models give."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from goeswith.core.arrays import Rows

RankedList: TypeAlias = tuple[Rows, npt.NDArray[np.floating], npt.NDArray[np.int8]]
"""Products best first, their scores, and the place of each one's model among the models."""
