"""`python -m benchmarks.pulls`: two pulls at once while their server is killed again and again.

A hub on loopback offers two models of 50 files and 200 MB each. A real server pulls both; it is
killed and started again ten times meanwhile, each time after some more of the bytes are there.
In the end every file must be what the hub holds, byte for byte, the jobs done, nothing left over.
Exit code 1 when anything does not hold.
"""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
import time
from pathlib import Path

import httpx

from inference.catalog.sources import bytes_under
from tests.appliance_process import Appliance
from tests.catalog.exports import write_export
from tests.catalog.loopback_hub import LoopbackHub

NAMES = ("someone/one", "someone/two")


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description="pulls that survive the death of their server")
    parser.add_argument(
        "model", type=Path, help="a folder with an OpenVINO model, such as one of models/installed"
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), asked.model, asked.kills, asked.files, asked.megabytes)


def run(root: Path, model: Path, kills: int, files: int, megabytes: int) -> int:
    """The whole of it in `root`; the exit code."""
    repositories = {
        name: write_export(
            root / name.replace("/", "-"), model, files=files, size_bytes=megabytes * 10**6, seed=n
        )
        for n, name in enumerate(NAMES)
    }
    hub = LoopbackHub(dict(repositories))
    total = sum(
        path.stat().st_size for folder in repositories.values() for path in folder.iterdir()
    )
    home = root / "home"
    variables = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "", "NPU_PROXY_DEVICE": "CPU"}
    hub.misbehaviour.bytes_per_second = 1_000_000  # of each of sixteen connections
    begun = time.monotonic()
    for number in range(kills + 1):
        server = Appliance.start(home, **variables)
        try:
            if number == 0:
                _ask_for_both(server)
            if number < kills:
                least = total * (number + 1) // (kills + 2)
                while bytes_under(home / "models") < least:
                    time.sleep(0.05)
            else:
                hub.misbehaviour.bytes_per_second = 0
                _wait_until_done(server)
        finally:
            if number < kills:
                server.process.kill()
                server.process.wait()
                print(f"killed after {bytes_under(home / 'models') / 1e6:,.0f} MB", flush=True)
            else:
                server.stop()
    print(f"{total / 1e6:,.0f} MB in {time.monotonic() - begun:.1f} s with {kills} kills")
    resumed = sum("bytes=" in line for line in hub.requests)
    served = sum(line.startswith("GET /store") for line in hub.requests)
    print(f"{served} downloads of large files, {resumed} of them from the middle on")
    wrong = [problem for name in NAMES for problem in _differences(name, repositories[name], home)]
    wrong += [f"left over: {path.name}" for path in (home / "models" / ".work").iterdir()]
    print("byte-identical, nothing left over" if not wrong else "\n".join(wrong))
    hub.close()
    return 1 if wrong else 0


def _ask_for_both(server: Appliance) -> None:
    with server.client() as client:
        for name in NAMES:
            body = {"model": name}
            with client.stream("POST", "/api/pull", json=body) as answer:
                next(answer.iter_lines())  # the job is the server's now, and we leave


def _pulls(client: httpx.Client) -> list[dict[str, object]]:
    pulls: list[dict[str, object]] = client.get("/api/npu/pulls").json()["pulls"]
    return [pull for pull in pulls if str(pull["model"]).startswith("someone/")]


def _wait_until_done(server: Appliance) -> None:
    with server.client() as client:
        while True:
            pulls = _pulls(client)
            if all(pull["status"] == "done" for pull in pulls):
                return
            if any(pull["status"] == "failed" for pull in pulls):
                raise SystemExit(f"a pull failed: {pulls}")
            time.sleep(0.2)


def _differences(name: str, repository: Path, home: Path) -> list[str]:
    slug = name.replace("/", "+")
    folders = list((home / "models" / "installed").glob(f"{slug}@latest+*"))
    if len(folders) != 1:
        return [f"{name}: {len(folders)} folders"]
    names = sorted(path.name for path in repository.iterdir())
    _, differing, missing = filecmp.cmpfiles(repository, folders[0], names, shallow=False)
    return [f"{name}: {file} differs" for file in (*differing, *missing)]


if __name__ == "__main__":
    sys.exit(main())
