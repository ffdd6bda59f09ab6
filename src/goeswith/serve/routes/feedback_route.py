"""The route for feedback."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import Body, FastAPI
from starlette.exceptions import HTTPException

from goeswith.serve.dependencies import CurrentSnapshot
from goeswith.serve.feedback_log import FeedbackFull, QuotaReached
from goeswith.serve.problem_details import problem_responses
from goeswith.serve.service_schemas import FeedbackRequest, FeedbackResponse
from goeswith.settings.serve_settings import ServeSettings


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route to a service."""

    @app.post("/v1/feedback", status_code=202, responses=problem_responses(404, 411, 413, 503, 507))
    async def feedback(
        request: Annotated[FeedbackRequest, Body()], snapshot: CurrentSnapshot
    ) -> FeedbackResponse:
        """Store feedback events. The response is sent when they are on disk."""
        if app.state.feedback is None:
            raise HTTPException(404, "feedback is disabled: set serve.feedback to a folder")
        events = [event.model_dump(exclude_none=True, mode="json") for event in request.events]
        try:
            await app.state.feedback.append(events)
        except FeedbackFull:
            raise HTTPException(
                503, "writing to disk is delayed; send these events again", {"Retry-After": "1"}
            ) from None
        except QuotaReached:
            raise HTTPException(
                507,
                "the folder for feedback is full: count it with `goeswith update`, move counted "
                "files away, or raise serve.feedback_mb",
            ) from None
        except OSError:
            raise HTTPException(
                503, "the disk cannot be written to; some of these events may be stored"
            ) from None
        app.state.metrics.count_feedback(len(events))
        return FeedbackResponse(bundle=snapshot.bundle.id, accepted=len(events))
