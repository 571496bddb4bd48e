"""What a request is told whose model is known but not here yet: 503, why, and when to try again.

In memory; for the request path.
"""

from __future__ import annotations

from inference import snapshot
from inference.catalog import jobs, starter
from inference.catalog.names import parse_name, same_model
from inference.errors import ModelNotReady

_SOON_SECONDS = 5
_LATER_SECONDS = 60


def why_not_ready(name: str) -> ModelNotReady:
    """The answer for the model that a client calls `name`. Never blocks, asks no database."""
    wanted = parse_name(name)
    status = jobs.status_of(wanted)
    if status is not None:
        seconds = status.seconds_left
        return ModelNotReady(
            f"model '{name}' is being installed ({status.fraction:.0%}, {status.step}); "
            f"please try again in about {seconds} seconds",
            retry_after_seconds=seconds,
        )
    state = starter.starter_state()
    if same_model(name, state.model_name) and state.retry_in_seconds:
        return ModelNotReady(
            f"model '{name}' could not be installed: {state.error}; "
            f"the next try is in {state.retry_in_seconds} seconds",
            retry_after_seconds=state.retry_in_seconds,
        )
    failure = jobs.last_failure(wanted)
    if failure:
        return ModelNotReady(
            f"model '{name}' could not be installed: {failure}", retry_after_seconds=_LATER_SECONDS
        )
    if _is_quarantined(name):
        return ModelNotReady(
            f"model '{name}' was found damaged on this machine's disk and is not used; "
            f"pull it again, or run: npuconsole verify {wanted} --repull",
            retry_after_seconds=_LATER_SECONDS,
        )
    if _has_failed(name):  # before this start of the server
        return ModelNotReady(
            f"model '{name}' could not be installed; pull it again",
            retry_after_seconds=_LATER_SECONDS,
        )
    return ModelNotReady(
        f"model '{name}' is not installed yet, please try again", retry_after_seconds=_SOON_SECONDS
    )


def _has_failed(name: str) -> bool:
    models = snapshot.current().models.values()
    return any(model.status == "failed" for model in models if same_model(name, model.name))


def _is_quarantined(name: str) -> bool:
    models = snapshot.current().models.values()
    return any(model.quarantined for model in models if same_model(name, model.name))
