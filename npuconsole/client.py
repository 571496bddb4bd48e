"""The command line's way to the running server: plain HTTP, nothing of the server is imported."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from inference import environment
from npuconsole.announcement import announced

PATIENCE_SECONDS = 30.0
STREAM_PATIENCE_SECONDS = 24 * 3600.0
"""Without a line. A job may wait for others for hours; a server that ends closes the connection."""


class ServerProblem(Exception):
    """The server cannot be reached or refused; the text is the one line to show."""


class NobodyThere(ServerProblem):
    """No server answers."""


def address() -> str:
    """Where the server is: as the variables say, as it said itself, or at the default place."""
    values = environment.values()
    if "NPU_PROXY_HOST" not in values and "NPU_PROXY_PORT" not in values:
        return announced(environment.home()) or "http://127.0.0.1:11435"
    host = str(values.get("NPU_PROXY_HOST", "127.0.0.1"))
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    port = values.get("NPU_PROXY_PORT", 11435)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def fetch(path: str) -> Any:
    """The JSON at that path. Raises ServerProblem."""
    with _answer(urllib.request.Request(address() + path), PATIENCE_SECONDS) as response:
        return orjson.loads(response.read())


def send(path: str, body: dict[str, Any]) -> Any:
    """Post, and return the JSON that comes back. Raises ServerProblem."""
    with _answer(_post(path, body), STREAM_PATIENCE_SECONDS) as response:
        return orjson.loads(response.read())


def upload(path: str, file: Path) -> None:
    """Post a file, piece by piece. Raises ServerProblem."""
    with file.open("rb") as content:
        headers = {"Content-Length": str(file.stat().st_size)}
        headers["Content-Type"] = "application/octet-stream"
        request = urllib.request.Request(address() + path, content, headers, method="POST")
        with _answer(request, STREAM_PATIENCE_SECONDS) as response:
            response.read()


def stream(path: str, body: dict[str, Any]) -> Iterator[Any]:
    """Post, and yield the answer's lines of JSON as they come. Raises ServerProblem."""
    with _answer(_post(path, body), STREAM_PATIENCE_SECONDS) as response:
        for line in _lines_of(response):
            frame = orjson.loads(line)
            if isinstance(frame, dict) and "error" in frame:
                raise ServerProblem(_words(frame))
            yield frame


def _post(path: str, body: dict[str, Any]) -> urllib.request.Request:
    return urllib.request.Request(
        address() + path, orjson.dumps(body), {"Content-Type": "application/json"}
    )


@contextmanager
def _answer(request: urllib.request.Request, seconds: float) -> Iterator[Any]:
    """The answer to read. What breaks while it is read is told like what breaks before."""
    try:
        with _open(request, seconds) as response:
            yield response
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise ServerProblem(f"The answer of {address()} broke off ({reason})") from None
    except orjson.JSONDecodeError:
        raise ServerProblem(f"What answers at {address()} is no npuconsole") from None


def _open(request: urllib.request.Request, seconds: float) -> Any:
    try:
        # A proxy of the environment is for the outside, not for this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(request, timeout=seconds)
    except urllib.error.HTTPError as error:
        raise ServerProblem(_words_of(error)) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise NobodyThere(
            f"No npuconsole answers at {address()} ({reason}); start it with: npuconsole serve"
        ) from None


def _lines_of(response: Any) -> Iterator[bytes]:
    """Iterating the response itself would take an answer that breaks off for one that ends."""
    rest = b""
    while piece := response.read1(1 << 16):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _words(answer: dict[str, Any]) -> str:
    """What went wrong in an answer, and the names that may have been meant."""
    said = answer["error"]
    words = str(said["message"] if isinstance(said, dict) else said)
    suggestions = [str(name) for name in answer.get("suggestions", ())]
    return f"{words}; did you mean {' or '.join(suggestions)}?" if suggestions else words


def _words_of(error: urllib.error.HTTPError) -> str:
    try:
        return _words(orjson.loads(error.read()))
    except (orjson.JSONDecodeError, KeyError, TypeError, OSError):
        return f"The server answered {error.code} {error.reason}"
