"""What shoppers did with the answers, taken in."""

# no postponed annotations: FastAPI reads those of functions inside functions
from typing import Annotated

from fastapi import Body, FastAPI
from starlette.exceptions import HTTPException

from goeswith.serve.dependencies import Now
from goeswith.serve.feedback_log import FeedbackFull
from goeswith.serve.problem_details import documented
from goeswith.serve.service_schemas import Accepted, Feedback
from goeswith.settings.sections import ServeSettings


def add(app: FastAPI, settings: ServeSettings) -> None:
    """Add the route to a service."""

    @app.post("/v1/feedback", status_code=202, responses=documented(404, 411, 413, 503))
    async def feedback(told: Annotated[Feedback, Body()], now: Now) -> Accepted:
        """Keep events for `goeswith update`; answered when they are on the disk."""
        if app.state.feedback is None:
            raise HTTPException(404, "feedback is not kept here: name a folder in serve.feedback")
        events = [event.model_dump(exclude_none=True) for event in told.events]
        try:
            await app.state.feedback.keep(events)
        except FeedbackFull:
            raise HTTPException(
                503, "the disk is behind; send these again", {"Retry-After": "1"}
            ) from None
        except OSError:
            raise HTTPException(
                503, "the disk does not take it; some of these may have been kept"
            ) from None
        app.state.metrics.kept(len(events))
        return Accepted(bundle=now.bundle.id, accepted=len(events))
