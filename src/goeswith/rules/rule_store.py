"""Changes of the rules of a bundle, with history and undo.

BUNDLE/live/rules.json          the rules; may be edited by hand
BUNDLE/live/rules.history.jsonl one line a change: when, by whom, each rule before and after
BUNDLE/live/rules.recorded.json the rules after the last line, by which edits by hand are seen
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from goeswith.core.atomic_files import write_json
from goeswith.core.errors import ConfigError
from goeswith.facts.fact_log import append, locked
from goeswith.facts.live_facts import LOG
from goeswith.rules.rule import MAX_RULES, Rule
from goeswith.rules.rules_file import (
    as_record,
    document,
    parse_rules,
    read_document,
    record_id,
)
from goeswith.store.build_files import MAX_LIVE_BYTES, check_regular
from goeswith.store.manifest import LIVE_FOLDER

RULES: Final = "rules.json"
HISTORY: Final = "rules.history.jsonl"
_RECORDED: Final = "rules.recorded.json"


@dataclass(frozen=True)
class RuleChange:
    """One change of the rules.

    Attributes:
        revision: number of the change, from 1.
        at: time, UTC.
        who: key or user; None if unknown.
        action: what was done, in a word or two.
        before: id -> rule before the change, None for a new rule.
        after: id -> rule after it, None for a removed one.
        undoes: revision that it undoes.
    """

    revision: int
    at: str
    who: str | None
    action: str
    before: Mapping[str, dict[str, Any] | None]
    after: Mapping[str, dict[str, Any] | None]
    undoes: int | None = None


class RuleStore:
    """The rules of the bundle at a path."""

    def __init__(self, bundle: Path) -> None:
        self.folder = bundle / LIVE_FOLDER
        self.path = self.folder / RULES

    def read(self) -> list[Rule]:
        """The rules.

        Raises:
            ConfigError: the file cannot be read, or a rule of it is invalid.
        """
        rules, problems = parse_rules(read_document(self.path), str(self.path))
        if problems:
            raise ConfigError(problems[0].problem)
        return rules

    def history(self) -> list[RuleChange]:
        """Every change, oldest first.

        Raises:
            ConfigError: the file was damaged.
            BundleError: it is no plain file, or too large.
        """
        path = self.folder / HISTORY
        if not path.exists():
            return []
        changes = []
        check_regular(path, MAX_LIVE_BYTES[HISTORY])
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            try:
                changes.append(_read_change(line))
            except (ValueError, TypeError, RecursionError) as error:
                raise ConfigError(
                    f"{path}, line {number} cannot be read: {error}; remove the line, or the file "
                    "to start a new history"
                ) from error
        return changes

    def put(self, rules: Sequence[Rule], who: str | None = None) -> RuleChange | None:
        """Add rules, or replace those with the same ids; None if that changes nothing."""
        new = {rule.id: rule for rule in rules}
        return self._change("put", who, lambda old: {**old, **new})

    def replace(self, rules: Sequence[Rule], who: str | None = None) -> RuleChange | None:
        """Have these rules and no others; None if that changes nothing."""
        new = {rule.id: rule for rule in rules}
        return self._change("replace all", who, lambda _: new)

    def remove(self, ids: Sequence[str], who: str | None = None) -> RuleChange | None:
        """Remove rules.

        Raises:
            ConfigError: there is no rule of an id.
        """

        def without(old: dict[str, Rule]) -> dict[str, Rule]:
            for rule_id in ids:
                if rule_id not in old:
                    raise ConfigError(f"there is no rule {rule_id[:80]!r}")
            return {rule_id: rule for rule_id, rule in old.items() if rule_id not in ids}

        return self._change("remove", who, without)

    def undo(self, who: str | None = None) -> RuleChange:
        """Undo the last change that is not undone.

        Raises:
            ConfigError: there is none.
        """
        with locked(self.folder):
            self._record_edits()
            changes = self.history()
            undone = {change.undoes for change in changes}
            last = next(
                (c for c in reversed(changes) if c.undoes is None and c.revision not in undone),
                None,
            )
            if last is None:
                raise ConfigError("there is no change of the rules to undo")
            rules = {rule.id: rule for rule in self.read()}
            restored, _ = parse_rules([r for r in last.before.values() if r], "history")
            for rule_id in last.before:
                rules.pop(rule_id, None)
            rules.update({rule.id: rule for rule in restored})
            change = self._write("undo", who, rules, undoes=last.revision)
        self._announce()
        assert change is not None
        return change

    def _change(
        self, action: str, who: str | None, edit: Callable[[dict[str, Rule]], dict[str, Rule]]
    ) -> RuleChange | None:
        with locked(self.folder):
            self._record_edits()
            change = self._write(action, who, edit({rule.id: rule for rule in self.read()}))
        if change is not None:
            self._announce()
        return change

    def _record_edits(self) -> None:
        """Have an edit of the file by hand in the history before the next change."""
        recorded = self._recorded()
        current = {rule.id: as_record(rule) for rule in self.read()}
        self._note("edit of the file", None, recorded, current)

    def _recorded(self) -> dict[str, dict[str, Any]]:
        """Id -> rule after the last change of the history."""
        records = read_document(path := self.folder / _RECORDED)
        if not all(map(record_id, records)):
            raise ConfigError(f"{path} has an invalid rule; remove the file")
        return {record_id(record): record for record in records}

    def _write(
        self, action: str, who: str | None, rules: dict[str, Rule], undoes: int | None = None
    ) -> RuleChange | None:
        if len(rules) > MAX_RULES:
            raise ConfigError(f"there would be {len(rules):,} rules; at most {MAX_RULES:,}")
        before = self._recorded()
        after = {rule_id: as_record(rule) for rule_id, rule in rules.items()}
        if before == after and undoes is None:
            return None
        # the rules before the history: a killed run leaves an edit, which the next one records
        write_json(document(list(rules.values())), self.path)
        return self._note(action, who, before, after, undoes)

    def _note(
        self,
        action: str,
        who: str | None,
        before: dict[str, dict[str, Any]],
        after: dict[str, dict[str, Any]],
        undoes: int | None = None,
    ) -> RuleChange | None:
        changed = sorted(i for i in {*before, *after} if before.get(i) != after.get(i))
        if not changed and undoes is None:
            return None
        change = RuleChange(
            revision=len(self.history()) + 1,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            who=who,
            action=action,
            before={rule_id: before.get(rule_id) for rule_id in changed},
            after={rule_id: after.get(rule_id) for rule_id in changed},
            undoes=undoes,
        )
        with (self.folder / HISTORY).open("ab") as file:
            file.write(json.dumps(vars(change), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        rules = [after[rule_id] for rule_id in sorted(after)]
        write_json({"version": 1, "rules": rules}, self.folder / _RECORDED)
        return change

    def _announce(self) -> None:
        """Have every process that follows the bundle read the rules before its next answer."""
        append(self.folder / LOG, [{"rules": datetime.now(UTC).isoformat()}])


def _read_change(line: bytes) -> RuleChange:
    change = RuleChange(**json.loads(line))
    if not (
        isinstance(change.revision, int)
        and all(isinstance(text, str) for text in (change.at, change.who or "", change.action))
        and isinstance(change.before, dict)
        and isinstance(change.after, dict)
        and isinstance(change.undoes, int | None)
    ):
        raise TypeError("a field has another type")
    return change
