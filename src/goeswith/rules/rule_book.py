"""The rules of an opened bundle, read again when their file changes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from goeswith.core.errors import ConfigError
from goeswith.store.manifest import LIVE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goeswith.facts.live_facts import LiveFacts
    from goeswith.rules.rule import Rule
    from goeswith.rules.rule_index import RuleIndex, RuleProblem
    from goeswith.store.reader import StoredBundle

_CHECK_SECONDS: Final = 1.0
"""Seconds between two looks at the file, which a person may edit; other changes are announced."""


class RuleBook:
    """The rules that apply to a bundle.

    Attributes:
        index: the rules; None where there are none.
        version: grows when rules change, and when one begins or ends to apply.
        problems: what is wrong with rules of the file.
        error: why the file cannot be read; the rules before it stay.
    """

    def __init__(self, live: LiveFacts, bundle: StoredBundle) -> None:
        self._path = bundle.path / LIVE_FOLDER / "rules.json"
        self._live = live
        self.index: RuleIndex | None = None
        self.version = 0
        self.problems: list[RuleProblem] = []
        self.error: str | None = None
        self._parsed: dict[str, tuple[Any, Rule]] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._announced = -1
        self._check_at = self._next_change = 0.0
        self._is_fixed = False

    def refresh(self, bundle: StoredBundle) -> None:
        """Read the rules again if they may have changed."""
        now = time.time()
        if self._announced != self._live.rules_version or now >= self._check_at:
            self._check_at = now + _CHECK_SECONDS
            self._announced = self._live.rules_version
            if not self._is_fixed:
                self._reload_if_changed(bundle)
        if self.index is not None and now >= self._next_change:
            self._next_change = self.index.next_change(now)
            self.version += 1

    def use(self, rules: Sequence[Rule], bundle: StoredBundle) -> None:
        """Apply these rules, whatever the file holds."""
        from goeswith.rules.rule_index import RuleIndex

        self._is_fixed = True
        self.index = RuleIndex(rules, bundle, self._live) if rules else None
        self.problems = self.index.problems if self.index else []
        self.version += 1
        self._next_change = 0.0

    def _reload_if_changed(self, bundle: StoredBundle) -> None:
        try:
            stat = self._path.stat()
            stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        except OSError:
            stamp = None
        if stamp == self._stamp:
            return
        from goeswith.rules.rule_index import RuleIndex
        from goeswith.rules.rules_file import parse_rules, read_document

        self._stamp = stamp
        try:
            records = read_document(self._path)
        except ConfigError as error:
            self.error = str(error)
            return
        rules, problems = parse_rules(records, str(self._path), self._parsed)
        by_id = {rule.id: rule for rule in rules}
        self._parsed = {
            record["id"]: (record, by_id[record["id"]])
            for record in records
            if isinstance(record, dict) and record.get("id") in by_id
        }
        index = RuleIndex(rules, bundle, self._live, self.index) if rules else None
        self.error, self.problems = None, [*problems, *(index.problems if index else [])]
        self.index = index if index is not None and index.rules else None
        self._next_change = 0.0
        self.version += 1
