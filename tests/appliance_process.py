"""The real `manage.py serve` as a child process, on a free port and a data folder of its own."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import queue
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import platformdirs
import psutil
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
STARTER = "smollm2:135m"
READY = re.compile(r"listening on (http://\S+)")
START_SECONDS = 30.0
INSTALL_SECONDS = 280.0
UNUSED_SECONDS = 86_400.0
CACHE = platformdirs.user_cache_path("npuconsole-tests", appauthor=False)
EXTRAS = CACHE / "extras"
"""What `npuconsole extra` installed, kept between runs."""


class DidNotStart(AssertionError):
    """The server ended before it listened; the text is what it wrote."""


@dataclass
class Appliance:
    """A running server. `lines` is all it wrote so far."""

    home: Path
    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, home: Path, **variables: str) -> Appliance:
        """Start a server and return when it says that it listens."""
        appliance = cls(home, spawn(home, **variables))
        addresses: queue.Queue[str] = queue.Queue()
        threading.Thread(target=appliance._read, args=(addresses,), daemon=True).start()
        try:
            appliance.url = addresses.get(timeout=START_SECONDS)
        except queue.Empty:
            appliance.process.kill()
        if not appliance.url:
            raise DidNotStart(appliance.output)
        return appliance

    @classmethod
    @contextlib.contextmanager
    def running(cls, home: Path, **variables: str) -> Iterator[Appliance]:
        """A server that can be asked; it is stopped in every case."""
        appliance = cls.start(home, **variables)
        try:
            appliance.wait_until_started()
            yield appliance
        finally:
            appliance.stop()

    @property
    def output(self) -> str:
        """All it wrote so far."""
        return "".join(self.lines)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    def client(self, timeout: float = 120.0) -> httpx.Client:
        """An HTTP client whose paths start at the server's address."""
        return httpx.Client(base_url=self.url, timeout=timeout, trust_env=False)

    def wait_until_started(self) -> None:
        """Return when requests can be served: devices known, and a model there."""
        with self.client() as client:
            for _ in polls(START_SECONDS):
                if client.get("/health").json().get("status") != "starting":
                    return
        raise AssertionError(f"still starting after {START_SECONDS} s:\n{self.output}")

    def children(self) -> list[psutil.Process]:
        """Its child processes of any generation."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, seconds: float = 10.0) -> int:
        """Ask it to stop as a service manager would; returns its exit code."""
        if self.process.poll() is None:
            if sys.platform == "win32":
                self.process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for child in self.children():
                with contextlib.suppress(psutil.Error):
                    child.kill()
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {seconds} s:\n{self.output}") from None

    def _read(self, addresses: queue.Queue[str]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := READY.search(line):
                addresses.put(found[1])
        addresses.put("")


def spawn(home: Path, **variables: str) -> subprocess.Popen[str]:
    """`manage.py serve` with its output in one pipe. The caller waits for it."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment(home, **variables),
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def environment(home: Path, **variables: str) -> dict[str, str]:
    """This process's environment with a data folder and a free port instead of the owner's. Nothing
    is imported but what a test asks for."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("NPU_PROXY_")},
        "NPUCONSOLE_HOME": str(home),
        "NPU_PROXY_PORT": "0",
        "NPU_PROXY_IMPORT_DROPPED": "0",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def polls(seconds: float, pause: float = 0.1) -> Iterator[None]:
    """Yields until the time is over; for waits on another process that has no event to offer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(pause)


def copy_home(source: Path, target: Path, *, is_new: bool = False) -> Path:
    """A data folder of its own from another one that no server uses. Model files are hard links
    where the disk can, so a copy is fast and deleting in it harms nobody. Unless it `is_new`, its
    first page is the overview and not the first steps. Nothing is calibrated while a test thinks:
    that would take the NPU away from the next request."""
    target.mkdir(parents=True)
    shutil.copy2(source / "npuconsole.sqlite3", target)
    for folder in ("models", "compiled"):
        shutil.copytree(source / folder, target / folder, copy_function=_link)
    settings = {"calibrate_when_idle_seconds": "0"} | (
        {} if is_new else {"welcome_is_over": "true"}
    )
    with contextlib.closing(sqlite3.connect(target / "npuconsole.sqlite3")) as rows, rows:
        rows.executemany(
            "INSERT INTO inference_setting (key, value, modified_at) "
            "VALUES (?, ?, CURRENT_TIMESTAMP) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            settings.items(),
        )
    return target


def change_rows(home: Path, code: str) -> None:
    """Run Python with the rows of a data folder that no server uses; `inference.models` is there
    as `models`."""
    prelude = "import django; django.setup(); from inference import models\n"
    subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=ROOT,
        env={**environment(home), "DJANGO_SETTINGS_MODULE": "npuconsole.settings"},
        check=True,
    )


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def make_starter_home() -> Path:
    """Let a real server install the starter and compile it for the emulated NPU, once for each
    version of the code that does it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    home = CACHE / f"starter-{_fingerprint()}"
    with FileLock(CACHE / "lock"):
        if not home.exists():
            for old in CACHE.glob("starter-*"):
                if time.time() - old.stat().st_mtime > UNUSED_SECONDS:
                    shutil.rmtree(old, ignore_errors=True)
            draft = CACHE / f"draft-{os.getpid()}"
            shutil.rmtree(draft, ignore_errors=True)
            appliance = Appliance.start(draft, NPUCONSOLE_EMULATE_NPU="1")
            try:
                _wait_for_starter(appliance)
                _have_it_compiled(appliance)
            finally:
                appliance.stop()
            with contextlib.closing(sqlite3.connect(draft / "npuconsole.sqlite3")) as rows, rows:
                rows.execute("DELETE FROM inference_requestrecord")
            draft.rename(home)
        os.utime(home)  # another checkout's run must not take it for forgotten
    return home


def make_compress_extra() -> Path:
    """The extra `compress`, installed by the command as its user would; the folder."""
    from inference.catalog import extras

    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "extras-lock"):
        if not extras.COMPRESS.folder.is_dir():
            subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), "extra", "compress"],
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=INSTALL_SECONDS,
                env={**os.environ, "NPUCONSOLE_EXTRAS": str(EXTRAS)},
            )
    return extras.COMPRESS.folder


def _wait_for_starter(appliance: Appliance) -> None:
    database = f"file:{appliance.home / 'npuconsole.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(database, uri=True)) as connection:
        for _ in polls(INSTALL_SECONDS, pause=0.3):
            rows = connection.execute(
                "SELECT status FROM inference_model WHERE name = ?", [STARTER]
            ).fetchall()
            if rows == [("ready",)]:
                return
    raise AssertionError(f"the starter was not installed:\n{appliance.output}")


def _have_it_compiled(appliance: Appliance) -> None:
    question = {"model": STARTER, "prompt": "Hi", "stream": False, "options": {"num_predict": 1}}
    with appliance.client() as client:
        headers = {"X-NPU-Proxy-Prefer-Device": "NPU"}
        answer = client.post("/api/generate", json=question, headers=headers)
        assert answer.headers["X-NPU-Proxy-Execution-Device"] == "NPU", answer.text


def _fingerprint() -> str:
    """Changes when the code that installs a model or lays out its rows does, or OpenVINO."""
    digest = hashlib.sha256(importlib.metadata.version("openvino").encode())
    for folder in ("inference/catalog", "inference/migrations"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
