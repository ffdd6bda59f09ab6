"""Routes for the rules of a shop."""

# no postponed annotations: FastAPI reads those of functions inside functions
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Body, FastAPI
from fastapi import Path as InPath
from starlette.exceptions import HTTPException
from starlette.responses import Response

from goeswith.query.rule_preview import preview_rules
from goeswith.rules.rule import ID_PATTERN, Rule
from goeswith.rules.rule_check import check_rules
from goeswith.rules.rule_index import RuleProblem
from goeswith.rules.rule_store import RuleChange, RuleStore
from goeswith.serve.dependencies import CurrentSnapshot
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.responses import json_response
from goeswith.serve.routes.product_changes import editor
from goeswith.serve.routes.shop_schemas import (
    PreviewRequest,
    PreviewResponse,
    RuleChangeResponse,
    RuleHistoryResponse,
    RulesRequest,
    RulesResponse,
)
from goeswith.serve.snapshot import Snapshot
from goeswith.settings.serve_settings import ServeSettings

T = TypeVar("T")
_MAX_CHECKED = 1000
"""Rules up to which a change is checked against all others."""
_MAX_HISTORY = 200


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the routes to a service."""
    refusals = problem_responses(403, 411, 413, 503)
    may_edit = editor(settings)

    @app.get("/v1/rules")
    def rules(snapshot: CurrentSnapshot) -> RulesResponse:
        """The rules of the bundle, and problems with them."""
        store = RuleStore(snapshot.bundle.path)
        stored = store.read()
        return RulesResponse.model_validate(
            {
                "bundle": snapshot.bundle.id,
                "rules": stored,
                "problems": _problems(snapshot, stored, stored),
            }
        )

    @app.post("/v1/rules", responses=refusals)
    def put(
        request: Annotated[RulesRequest, Body()],
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> RuleChangeResponse:
        """Add rules. A rule replaces the stored rule with the same id."""
        store = RuleStore(snapshot.bundle.path)
        change = _written(lambda: store.put(request.rules, who))
        return _changed(snapshot, change, _problems(snapshot, store.read(), request.rules))

    @app.delete("/v1/rules/{rule_id}", responses=refusals)
    def remove(
        rule_id: Annotated[
            str,
            InPath(
                pattern=f"^{ID_PATTERN}$", description="Id of the rule.", examples=["summer-cases"]
            ),
        ],
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> RuleChangeResponse:
        """Remove a rule."""
        store = RuleStore(snapshot.bundle.path)
        return _changed(snapshot, _written(lambda: store.remove([rule_id], who)), [])

    @app.post("/v1/rules/undo", responses=refusals)
    def undo(
        snapshot: CurrentSnapshot,
        who: str | None = may_edit,  # type: ignore[assignment]
    ) -> RuleChangeResponse:
        """Undo the latest change of the rules that is not undone yet."""
        store = RuleStore(snapshot.bundle.path)
        return _changed(snapshot, _written(lambda: store.undo(who)), [])

    @app.get("/v1/rules/history")
    def history(snapshot: CurrentSnapshot) -> RuleHistoryResponse:
        """Changes of the rules, newest first; at most 200."""
        changes = RuleStore(snapshot.bundle.path).history()[: -_MAX_HISTORY - 1 : -1]
        return RuleHistoryResponse.model_validate(
            {"bundle": snapshot.bundle.id, "changes": changes}
        )

    @app.post(
        "/v1/rules/preview",
        response_model=PreviewResponse,
        responses=problem_responses(404, 411, 413),
    )
    def preview(request: Annotated[PreviewRequest, Body()], snapshot: CurrentSnapshot) -> Response:
        """Compare recommendations with stored and with changed rules; nothing is stored."""
        before = {rule.id: rule for rule in RuleStore(snapshot.bundle.path).read()}
        after = {**before, **{rule.id: rule for rule in request.rules}}
        for rule_id in request.remove:
            after.pop(rule_id, None)
        result = preview_rules(
            snapshot.bundle,
            list(before.values()),
            list(after.values()),
            request.product_ids,
            request.k,
        )
        return json_response(snapshot.bundle, **vars(result))


def _problems(
    snapshot: Snapshot, rules: Sequence[Rule], concerned: Sequence[Rule]
) -> list[RuleProblem]:
    checked = rules if len(rules) <= _MAX_CHECKED else concerned
    ids = {rule.id for rule in concerned}
    found = check_rules(checked, snapshot.bundle, snapshot.bundle.live)
    return [problem for problem in found if problem.rule in ids]


def _written(write: Callable[[], T]) -> T:
    try:
        return write()
    except OSError:
        raise HTTPException(
            503, "the disk cannot be written to; the rules may be unchanged"
        ) from None


def _changed(
    snapshot: Snapshot, change: RuleChange | None, problems: Sequence[RuleProblem]
) -> RuleChangeResponse:
    return RuleChangeResponse.model_validate(
        {
            "bundle": snapshot.bundle.id,
            "change": None if change is None else vars(change),
            "problems": problems,
        }
    )
