"""How the fetching of a model can fail, in words for the person who asked for it."""

from __future__ import annotations

from collections.abc import Sequence

from inference.errors import InferenceError


class PullFailed(InferenceError):
    """A model could not be fetched or imported. `retry` says whether trying again can help."""

    code = "pull_failed"

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry


class Refused(PullFailed):
    """The model cannot be had here as it is: of a kind that is not served, too large, not whole.
    Asked again, the answer is the same."""

    code = "pull_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=False)


class UnknownModel(PullFailed):
    """No source knows the name. Clients of Ollama compare this text."""

    code = "model_unknown"

    def __init__(
        self,
        message: str = "pull model manifest: file does not exist",
        *,
        suggestions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, retry=False)
        self.suggestions = suggestions
        """Names that may have been meant, the closest first."""


class UnknownRepository(UnknownModel):
    """The hub has no repository of that name, or does not show it to us. The text is our own: no
    client compares it."""


class UnknownJob(InferenceError):
    """No pull has that number."""

    code = "pull_not_found"

    def __init__(self, job_id: int) -> None:
        super().__init__(f"no pull with the number {job_id} is known")


class DiskFull(PullFailed):
    """The disk of the models folder has no room; what was fetched so far is given up."""


class NotAsStated(PullFailed):
    """A file did not arrive with the contents that its source stated; nothing of it is kept."""


class PullPaused(PullFailed):
    """Somebody paused the job. It keeps what it has and goes on when it is resumed."""

    code = "pull_paused"

    def __init__(self) -> None:
        super().__init__("the pull is paused; pull the model again to go on")


class PullCancelled(PullFailed):
    """Somebody cancelled the job. What it had fetched is removed."""

    code = "pull_cancelled"

    def __init__(self) -> None:
        super().__init__("the pull was cancelled", retry=False)


def did_you_mean(names: Sequence[str]) -> str:
    """The sentence that offers them; "" without any."""
    return f"did you mean {' or '.join(names)}?" if names else ""


class Stopped(Exception):
    """The server is stopping, or someone cancelled the job. Never shown to a client."""
