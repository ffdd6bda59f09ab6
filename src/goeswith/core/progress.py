"""Types of the callbacks that report progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

MessageProgress: TypeAlias = Callable[[str], None]
"""Called with a message that names the current work."""

ShareProgress: TypeAlias = Callable[[str, float], None]
"""Called with the name of the current input and the share of it that is done, 0 to 1."""

StepProgress: TypeAlias = Callable[[int, int, str], None]
"""Called with the number of finished steps, the number of all steps, and the next step."""
