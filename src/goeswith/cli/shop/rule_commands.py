"""The commands of `goeswith rules`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goeswith.cli.options import BundlePath, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goeswith.query.bundle import Bundle
    from goeswith.rules.rule import Rule
    from goeswith.rules.rule_index import RuleProblem
    from goeswith.rules.rule_store import RuleChange

RuleFile = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Rules as JSON or TOML; see docs/how-to/rules.md."),
]
Products = Annotated[
    list[str] | None,
    typer.Option("--product", metavar="PRODUCT", help="A product to try; repeatable."),
]


def list_rules(bundle: BundlePath, json: Json = False) -> None:
    """List the rules of a bundle.

        goeswith rules list bundle

    With --json, the output is a file of rules.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Table
    from goeswith.rules.rule_store import RuleStore
    from goeswith.rules.rules_file import document

    _open(bundle)
    rules = RuleStore(bundle).read()
    records = [_summary(rule) for rule in sorted(rules, key=lambda rule: rule.id)]
    fields = ("id", "action", "source", "target", "start", "end", "priority", "owner", "note")
    table = Table("Rules", records, fields=fields)
    output = Output(json)
    output.result(table, document(rules), [table] if records else [])
    if not records:
        output.say("there are no rules; `goeswith rules add BUNDLE FILE` adds some")


def add(bundle: BundlePath, file: RuleFile, json: Json = False) -> None:
    """Add the rules of a file; a rule replaces the stored one with the same id.

        goeswith rules add bundle summer.toml

    A running service has them in its next answer.
    """
    from goeswith.rules.rule_store import RuleStore

    opened, rules = _open(bundle), _read(file)
    change = RuleStore(bundle).put(rules, _user())
    _report(opened, change, rules, json)


def set_rules(bundle: BundlePath, file: RuleFile, json: Json = False) -> None:
    """Have the rules of a file and no others.

        goeswith rules set bundle rules.toml

    Rules that are not in the file are removed.
    """
    from goeswith.rules.rule_store import RuleStore

    opened, rules = _open(bundle), _read(file)
    change = RuleStore(bundle).replace(rules, _user())
    _report(opened, change, rules, json)


def remove(
    bundle: BundlePath,
    rules: Annotated[list[str], typer.Argument(metavar="RULE...", help="Ids of rules.")],
    json: Json = False,
) -> None:
    """Remove rules by their ids.

        goeswith rules remove bundle no-cables

    `goeswith rules undo` brings them back.
    """
    from goeswith.rules.rule_store import RuleStore

    opened = _open(bundle)
    _report(opened, RuleStore(bundle).remove(rules, _user()), [], json)


def undo(bundle: BundlePath, json: Json = False) -> None:
    """Undo the last change of the rules that is not undone.

        goeswith rules undo bundle

    Called again, it undoes the change before that one.
    """
    from goeswith.rules.rule_store import RuleStore

    opened = _open(bundle)
    _report(opened, RuleStore(bundle).undo(_user()), [], json)


def check(
    bundle: BundlePath,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Rules to check; by default those of the bundle."),
    ] = None,
    json: Json = False,
) -> None:
    """Report rules that name what does not exist, match nothing, have ended, or contradict another.

        goeswith rules check bundle

    The exit code is 1 if there are any.
    """
    from goeswith.cli.output import Output, plural
    from goeswith.rules.rule_store import RuleStore

    opened = _open(bundle)
    rules = RuleStore(bundle).read() if file is None else _read(file)
    problems = _problems(opened, rules)
    output = Output(json)
    table = _problem_table(problems)
    document = {"rules": len(rules), "problems": [vars(problem) for problem in problems]}
    output.result(table, document, [table] if problems else [])
    output.say(f"{plural(len(rules), 'rule')}, {plural(len(problems), 'problem')}")
    if problems:
        raise typer.Exit(1)


def preview(
    bundle: BundlePath,
    file: RuleFile,
    product: Products = None,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="Recommendations each.")] = 10,
    json: Json = False,
) -> None:
    """Show what the rules of a file would change, without storing them.

        goeswith rules preview bundle summer.toml --product 866140

    Without --product: products that the rules name, and a sample of the catalogue.
    """
    from dataclasses import asdict

    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Table
    from goeswith.query.rule_preview import preview_rules
    from goeswith.rules.rule_store import RuleStore

    opened = _open(bundle)
    before = {rule.id: rule for rule in RuleStore(bundle).read()}
    after = {**before, **{rule.id: rule for rule in _read(file)}}
    result = preview_rules(opened, [*before.values()], [*after.values()], product or [], k)
    records = [
        {
            "product_id": one.product_id,
            "entered": ", ".join(one.entered),
            "left": ", ".join(one.left),
            "first before": one.before[0].product_id if one.before else "",
            "first after": one.after[0].product_id if one.after else "",
            "rules": ", ".join(one.rules),
        }
        for one in result.differences
    ]
    fields = ("product_id", "entered", "left", "first before", "first after", "rules")
    output = Output(json)
    table = Table("Lists that change", records, fields=fields)
    output.result(table, asdict(result), [table] if records else [])
    output.aside(_problem_table(result.problems))
    output.say(f"{len(records):,} of {result.products:,} lists change")


def history(bundle: BundlePath, json: Json = False) -> None:
    """Show the changes of the rules, the newest first.

        goeswith rules history bundle

    With --json, each rule before and after.
    """
    from goeswith.cli.output import Output
    from goeswith.cli.terminal_table import Table
    from goeswith.rules.rule_store import RuleStore

    _open(bundle)
    changes = RuleStore(bundle).history()[::-1]
    records = [
        {
            "revision": change.revision,
            "at": change.at,
            "who": change.who,
            "action": change.action if change.undoes is None else f"undo of {change.undoes}",
            "rules": ", ".join(change.after),
        }
        for change in changes
    ]
    table = Table("Changes", records, fields=("revision", "at", "who", "action", "rules"))
    document = {"changes": [vars(change) for change in changes]}
    Output(json).result(table, document, [table] if records else [])


def _open(path: Path) -> Bundle:
    from goeswith.query.bundle import Bundle

    return Bundle.open(path)


def _read(file: Path) -> list[Rule]:
    """The rules of a file.

    Raises:
        ConfigError: it cannot be read, or a rule is invalid.
    """
    from goeswith.core.errors import ConfigError
    from goeswith.rules.rules_file import parse_rules, read_document

    if not file.exists():
        raise ConfigError(f"{file}: there is no such file")
    rules, problems = parse_rules(read_document(file), str(file))
    if problems:
        raise ConfigError(problems[0].problem)
    return rules


def _problems(bundle: Bundle, rules: Sequence[Rule]) -> list[RuleProblem]:
    from goeswith.rules.rule_check import check_rules

    return check_rules(rules, bundle, bundle.live)


def _report(bundle: Bundle, change: RuleChange | None, rules: Sequence[Rule], json: bool) -> None:
    """Print a change and what is wrong with the rules that it concerns."""
    from goeswith.cli.output import Output, plural

    problems = _problems(bundle, rules) if rules else []
    output = Output(json)
    record: dict[str, Any] = {
        "revision": None if change is None else change.revision,
        "rules": [] if change is None else list(change.after),
        "problems": [vars(problem) for problem in problems],
    }
    text = (
        "nothing changed"
        if change is None
        else (f"change {change.revision}: {change.action}, {plural(len(change.after), 'rule')}")
    )
    output.summary(record, text)
    output.aside(_problem_table(problems))


def _problem_table(problems: Sequence[RuleProblem]) -> Any:
    from goeswith.cli.terminal_table import Table

    records = [
        {"rule": one.rule, "problem": one.problem, "applied": "no" if one.is_left_out else "yes"}
        for one in problems
    ]
    return Table("Problems of rules", records, fields=("rule", "problem", "applied"))


def _summary(rule: Rule) -> dict[str, Any]:
    from goeswith.rules.rules_file import as_record

    record = as_record(rule)

    def side(name: str) -> str:
        conditions = record.get(name, {})
        return "; ".join(", ".join(values) for values in conditions.values()) or "any"

    return {
        "id": rule.id,
        "action": " ".join(
            str(part)
            for part in (rule.action, rule.rank, rule.by, rule.attribute, rule.max)
            if part
        ),
        "source": side("source"),
        "target": side("target"),
        **{name: record.get(name, "") for name in ("start", "end", "priority", "owner", "note")},
    }


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
