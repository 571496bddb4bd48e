"""Asks OpenVINO which devices there are, in a child process: its plugins are native code.

Called by `inference.devices` for the rows and by the command line's doctor. Imports no Django.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from inference.environment import DEVICE_NAME

PROBE_SECONDS = 60.0


class ProbeFailed(Exception):
    """OpenVINO could not be asked; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One device as OpenVINO describes it."""

    name: str
    full_name: str
    driver: str
    facts: dict[str, Any]


async def probe() -> list[Finding]:
    """Run the probe, awaited in a thread: a Selector loop on Windows starts no processes. Takes
    about a second; a cancel kills the child. Raises ProbeFailed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[bytes, bytes]] = loop.create_future()
    child = subprocess.Popen(  # noqa: ASYNC220 -- takes a millisecond, and works on any loop
        [sys.executable, "-m", "inference.worker.probe"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_import_root(),
        env={**os.environ, "PYTHONPATH": _python_path()},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )

    def tell(output: tuple[bytes, bytes]) -> None:
        if not done.done():
            done.set_result(output)

    def wait() -> None:
        output = child.communicate()
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, output)

    threading.Thread(target=wait, name="device probe", daemon=True).start()
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            stdout, stderr = await done
    except TimeoutError:
        raise ProbeFailed(f"OpenVINO gave no answer in {PROBE_SECONDS:.0f} seconds") from None
    finally:
        if child.poll() is None:
            child.kill()
    if child.returncode != 0:
        raise ProbeFailed(_why_it_ended(child.returncode, stderr))
    return read_findings(stdout)


def read_findings(output: bytes) -> list[Finding]:
    """The probe's line of JSON. Devices with names we do not route to are left out."""
    try:
        answer = orjson.loads(output)
        return [
            Finding(
                name=item["name"],
                full_name=item["full_name"],
                driver=item["driver"],
                facts={
                    "openvino": answer["openvino"],
                    "plugin": item["plugin"],
                    "capabilities": item["capabilities"],
                    "properties": item["properties"],
                },
            )
            for item in answer["devices"]
            if DEVICE_NAME.fullmatch(item["name"])
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ProbeFailed(f"the probe's answer cannot be read: {error!r}") from error


def _import_root() -> Path:
    """The folder from which `inference` can be imported."""
    return Path(__file__).resolve().parent.parent


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(_import_root()), os.environ.get("PYTHONPATH")]))


def _why_it_ended(code: int, stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    if code < 0:
        return f"OpenVINO crashed while it looked for devices (signal {-code})"
    return lines[-1][:300] if lines else f"the probe ended with code {code}"
