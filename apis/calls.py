"""One request to the API as its log line, its headers and its metrics know it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from apis.faults import cause_of
from apis.uploads import Upload
from inference.errors import InferenceError
from inference.requests import new_request_id

log = logging.getLogger(__name__)

LONGEST_LOGGED_TEXT = 300
LONGEST_AGENT = 200


@dataclass(eq=False, slots=True)
class Call:
    """`turn` tells callers apart in a line, by address and key; `agent` is what the client calls
    itself; `origin` is the browser page's origin if it may call us, else ""; `endpoint` is the
    route's path, which metrics and records name; `received_at` is `time.perf_counter()`; `upload`
    is the body of a request that brings a file, `body_problem` why there is no body."""

    method: str
    path: str
    client: str
    server: str
    hosts: tuple[str, ...]
    sent_origin: str
    turn: str = ""
    agent: str = ""
    origin: str = ""
    endpoint: str = "unmatched"
    request_id: str = field(default_factory=new_request_id)
    received_at: float = field(default_factory=time.perf_counter)
    body_problem: InferenceError | None = None
    upload: Upload | None = None

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Call:
        """The call that an ASGI scope describes."""
        hosts, origin, key, agent = [], "", b"", ""
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origin = value.decode("latin-1")
            elif name in (b"authorization", b"x-api-key"):
                key = value
            elif name == b"user-agent":
                agent = value.decode("latin-1")[:LONGEST_AGENT]
        client = str(scope["client"][0]) if scope.get("client") else ""
        return cls(
            method=scope["method"].upper(),
            path=scope["path"],
            client=client,
            turn=f"{client} {hash(key):x}" if key else client,
            server=str(scope["server"][0]) if scope.get("server") else "",
            hosts=tuple(hosts),
            sent_origin=origin,
            agent=agent,
        )

    def log(self, level: int, what: str, *, cause: BaseException | None = None) -> None:
        """The one line that the log has of a request that did not go well."""
        shown = what if len(what) <= LONGEST_LOGGED_TEXT else what[:LONGEST_LOGGED_TEXT] + "..."
        log.log(
            level,
            "%s %s %s: %s",
            self.request_id,
            _printable(self.method),
            _printable(self.path[:LONGEST_LOGGED_TEXT]),
            _printable(shown),
            exc_info=cause,
        )

    def log_failure(self, error: InferenceError) -> None:
        """The line of a stream that broke after its first frame."""
        self.log(logging.ERROR, f"failed midway: {error.message}", cause=cause_of(error))


def _printable(text: str) -> str:
    """What clients sent must not be able to make lines of their own in the log."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


class ApiRequest(ASGIRequest):
    """Django's request with the call it belongs to."""

    call: Call
