"""The file of rules, JSON or TOML: reading, checking and writing it.

{"version": 1, "rules": [{"id": "no-cables", "action": "ban", "target": {"types": ["cable"]}}]}
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from goeswith.core.errors import ConfigError
from goeswith.core.validation import describe_errors
from goeswith.rules.rule import MAX_RULES, Rule
from goeswith.rules.rule_index import RuleProblem

VERSION: Final = 1
_MAX_BYTES: Final = 50_000_000


def read_document(path: Path) -> list[dict[str, Any]]:
    """The rules of a file as they are written; none where there is no file.

    Raises:
        ConfigError: the file cannot be read, has another version, or holds something else.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(
                f"{path} has more than {_MAX_BYTES:,} bytes; this is not a file of rules"
            )
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        content = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise ConfigError(f"{path} is not valid {kind}: {error}") from error
    return check_document(content, str(path))


def check_document(content: Any, name: str) -> list[dict[str, Any]]:
    """The rules of a parsed document.

    Raises:
        ConfigError: as `read_document`.
    """
    if not isinstance(content, dict) or not isinstance(content.get("rules"), list):
        raise ConfigError(f'{name} has no rules; write {{"version": 1, "rules": [...]}}')
    if content.get("version") != VERSION:
        raise ConfigError(
            f"{name} has version {content.get('version')!r}; this goeswith reads version {VERSION}"
        )
    if extra := set(content) - {"version", "rules"}:
        raise ConfigError(f"{name} has an unknown entry {min(extra)!r}; known: version, rules")
    rules: list[dict[str, Any]] = content["rules"]
    if len(rules) > MAX_RULES:
        raise ConfigError(f"{name} has {len(rules):,} rules; at most {MAX_RULES:,} are applied")
    return rules


def record_id(record: Any) -> str:
    """The id of a rule as it is written; empty where it has none."""
    value = record.get("id") if isinstance(record, dict) else None
    return value[:200] if isinstance(value, str) else ""


def parse_rule(record: Any, name: str) -> Rule:
    """One rule.

    Raises:
        ConfigError: the message lists what is wrong.
    """
    try:
        return Rule.model_validate(record)
    except ValidationError as error:
        label = record.get("id") if isinstance(record, dict) else None
        reasons = describe_errors(error, Rule, limit=5, with_input=False)
        raise ConfigError(f"{name}: rule {label!r}: {reasons}") from error


def parse_rules(
    records: Sequence[Any], name: str, former: Mapping[str, tuple[Any, Rule]] | None = None
) -> tuple[list[Rule], list[RuleProblem]]:
    """The valid rules, and what is wrong with the others.

    Args:
        records: as they are written.
        name: of the file, for messages.
        former: id -> a record that was parsed before, and its rule, which is taken over.
    """
    rules: dict[str, Rule] = {}
    problems = []
    for number, record in enumerate(records, start=1):
        known = former.get(record_id(record)) if former else None
        try:
            is_known = known is not None and known[0] == record
            rule = known[1] if known and is_known else parse_rule(record, f"{name}, rule {number}")
        except ConfigError as error:
            label = record_id(record) or f"#{number}"
            problems.append(RuleProblem(label, str(error), is_left_out=True))
            continue
        if rule.id in rules:
            reason = f"{name}, rule {number}: there is another rule of this id before it"
            problems.append(RuleProblem(rule.id, reason, is_left_out=True))
        rules.setdefault(rule.id, rule)
    return list(rules.values()), problems


def as_record(rule: Rule) -> dict[str, Any]:
    """A rule as it is written: without what is not set."""
    record: dict[str, Any] = rule.model_dump(mode="json", exclude_defaults=True)
    return record


def document(rules: Sequence[Rule]) -> dict[str, Any]:
    """The document of rules, in the order of their ids."""
    ordered = sorted(rules, key=lambda rule: rule.id)
    return {"version": VERSION, "rules": [as_record(rule) for rule in ordered]}
