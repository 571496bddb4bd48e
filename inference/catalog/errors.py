"""How the fetching of a model can fail, in words for the person who asked for it."""

from __future__ import annotations

from inference.errors import InferenceError


class PullFailed(InferenceError):
    """A model could not be fetched or imported. `retry` says whether trying again can help."""

    code = "pull_failed"

    def __init__(self, message: str, *, retry: bool = True) -> None:
        super().__init__(message)
        self.retry = retry


class UnknownModel(PullFailed):
    """No source knows the name. Clients of Ollama compare this text."""

    code = "model_unknown"

    def __init__(self) -> None:
        super().__init__("pull model manifest: file does not exist", retry=False)


class Stopped(Exception):
    """The server is stopping, or someone cancelled the job. Never shown to a client."""
