"""Starting, watching and ending the processes under measurement, on every system alike."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

PROJECT_ROOT = Path(__file__).resolve().parents[1]
END_SECONDS = 8.0
MEBIBYTE = 2**20


def free_port() -> int:
    """A loopback TCP port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process of the project's folder; what it says goes to the file `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            cwd=PROJECT_ROOT,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make it; nothing of its family is left. Blocks up to eight seconds."""
    family = relatives(process.pid)
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    for relative in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            relative.kill()
    process.wait()


def relatives(pid: int) -> list[psutil.Process]:
    """The process and all its descendants that live now."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def mebibytes(process: psutil.Process) -> float:
    """Resident memory, MiB; 0 when the process is gone."""
    try:
        return float(process.memory_info().rss) / MEBIBYTE
    except psutil.NoSuchProcess:
        return 0.0


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time used so far, user and system, all threads."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def clean_environment() -> dict[str, str]:
    """This process's environment without the appliance's own variables: every run starts alike."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NPU_PROXY_", "NPUCONSOLE_")) and name != "DATABASE_URL"
    }


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for the message about what went wrong."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-count:])
