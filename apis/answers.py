"""The three kinds of answers a route gives: JSON, an error, a stream of frames."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apis.json_text import json_bytes
from inference import status
from inference.errors import InferenceError, PromptTooLong
from inference.requests import RouteReport

Headers = Mapping[str, str]

STREAM_HEADERS: Headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""No proxy on the way may hold a stream back."""


class JsonAnswer(HttpResponse):
    """One JSON object."""

    def __init__(
        self,
        data: Any,
        *,
        content_type: str,
        status: int = 200,
        headers: Headers | None = None,
    ) -> None:
        merged = {"Content-Type": content_type, **(headers or {})}
        super().__init__(json_bytes(data), status=status, headers=merged)


class PlainAnswer(HttpResponse):
    """A line of text."""

    def __init__(self, text: str, *, status: int = 200, headers: Headers | None = None) -> None:
        merged = {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}
        super().__init__(text, status=status, headers=merged)


class ErrorAnswer(JsonAnswer):
    """An error in a family's shape. `reason` and `cause` are for the log."""

    def __init__(
        self,
        data: Any,
        *,
        content_type: str,
        status: int,
        reason: str,
        cause: BaseException | None = None,
        retry_after_seconds: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(data, content_type=content_type, status=status, headers=headers)
        self.reason = reason
        self.cause = cause
        if retry_after_seconds is not None:
            self.headers["Retry-After"] = str(retry_after_seconds)


class FrameStream(HttpResponseBase):
    """An answer that goes out piece by piece, one write for each.

    `release` is awaited when the stream is over, even if it never began.
    """

    streaming = True

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        content_type: str,
        headers: Headers | None = None,
        release: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            headers={"Content-Type": content_type, **STREAM_HEADERS, **(headers or {})}
        )
        self.frames = frames
        self._release = release

    async def release(self) -> None:
        """Give everything back. Safe in any state of the stream."""
        await self.frames.aclose()
        if self._release is not None:
            await self._release()


def route_headers(route: RouteReport, ignored: tuple[str, ...] = ()) -> dict[str, str]:
    """Where a request ran and why, as headers. `ignored` are parameters that had no effect."""
    headers = {
        "X-NPU-Proxy-Device": route.execution_device,
        "X-NPU-Proxy-Routed-Device": route.routed_device,
        "X-NPU-Proxy-Execution-Device": route.execution_device,
        "X-NPU-Proxy-Route-Reason": str(route.reason),
        "X-NPU-Proxy-Token-Count": str(route.prompt_tokens),
    }
    if route.fallback_reason:
        headers["X-NPU-Proxy-Fallback-Reason"] = str(route.fallback_reason)
    if route.emulated:
        headers["X-NPU-Proxy-Emulated"] = "1"
    if ignored:
        headers["X-NPU-Proxy-Ignored"] = ", ".join(ignored)
    return headers


def failure_headers(request_id: str, error: InferenceError) -> dict[str, str]:
    """The same of a request that failed: what its record knows of where it was sent, and why."""
    record = status.find_record(request_id)
    tokens = record.prompt_tokens if record else 0
    if isinstance(error, PromptTooLong) and not error.at_least:
        tokens = error.prompt_tokens
    known = {
        "X-NPU-Proxy-Device": record.execution_device if record else "",
        "X-NPU-Proxy-Routed-Device": record.routed_device if record else "",
        "X-NPU-Proxy-Execution-Device": record.execution_device if record else "",
        "X-NPU-Proxy-Route-Reason": record.reason if record else "",
        "X-NPU-Proxy-Fallback-Reason": record.fallback_reason if record else "",
        "X-NPU-Proxy-Token-Count": str(tokens or ""),
    }
    return {name: value for name, value in known.items() if value}
