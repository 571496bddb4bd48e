"""`python -m benchmarks.kills`: a server that is killed while it changes its catalogue.

A real server installs, copies, makes, renames and deletes models; at a random moment of each it is
killed, without a chance to tidy up, and started again. Then the doctor must find nothing wrong
between catalogue and disk, and every model that the catalogue lists must be whole to the last byte
and be shown. What was being installed goes on by itself, and may be hit by the next kill too. Exit
code 1 when anything of that does not hold.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.appliance_process import STARTER, Appliance, copy_home, make_starter_home
from tests.catalog.tiny_gguf import byte_tokenizer, tiny_decoder, write_gguf

NAMES = ("one", "two", "three")
"""Files in the import folder, and models of those names."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that changes the catalogue. It is killed at a random moment of `seconds`, which is
    about what it takes here."""

    name: str
    seconds: float
    share: int
    do: Callable[[httpx.Client, random.Random], object]


@dataclass(slots=True)
class Report:
    """Kills by deed, how many came before its answer, and what was found wrong after them."""

    kills: collections.Counter[str] = field(default_factory=collections.Counter)
    before_the_end: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(
        description="kills at random moments of installs and deletions"
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = run(
            Path(folder), asked.kills, asked.seed, say=lambda words: print(words, flush=True)
        )
    print(f"{sum(report.kills.values())} kills in {time.monotonic() - begun:.0f} s")
    for name, count in sorted(report.kills.items()):
        print(f"  {name}: {count}, {report.before_the_end[name]} before it was done")
    print("\n".join(report.wrong) or "catalogue and disk agreed after every one")
    return 1 if report.wrong else 0


def run(
    root: Path, kills: int, seed: int, say: Callable[[str], None] = lambda words: None
) -> Report:
    """That many kills in a data folder below `root`."""
    chance, report = random.Random(seed), Report()
    home = copy_home(make_starter_home(), root / "home")
    uploads = _write_files(home / "models" / "import")
    deeds = _deeds(uploads)
    for number in range(kills + 1):
        server = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
        try:
            server.wait_until_started()
            with server.client() as client:
                found = problems(client) if number else []
                report.wrong += [f"after kill {number}: {problem}" for problem in found]
                if number == kills:
                    break
                (deed,) = chance.choices(deeds, [deed.share for deed in deeds])
                after = chance.uniform(0, deed.seconds)
                was_done = _kill_during(server, client, deed, chance, after)
            report.kills[deed.name] += 1
            report.before_the_end[deed.name] += not was_done
            say(f"{number + 1}: {deed.name}, killed after {after * 1000:.0f} ms")
        finally:
            server.process.kill()
            server.process.wait()
    return report


def problems(client: httpx.Client) -> list[str]:
    """Where catalogue, disk and what clients see disagree."""
    found = [
        f"{thing['check']}: {thing['subject']}: {thing['words']}"
        for thing in client.get("/api/npu/doctor").json()["findings"]
        if thing["is_wrong"]
    ]
    verified = client.post("/api/npu/models/verify", json={"stream": False}).json()
    if verified.get("status") != "success":
        found.append(f"verify: {verified}")
    models = [model["name"] for model in client.get("/api/tags").json()["models"]]
    if STARTER not in models:
        found.append(f"{STARTER} is gone")
    shown = {name: client.post("/api/show", json={"model": name}).status_code for name in models}
    return found + [f"{name} is listed but not shown" for name in models if shown[name] != 200]


def _kill_during(
    server: Appliance, client: httpx.Client, deed: Deed, chance: random.Random, after: float
) -> bool:
    """Whether the deed had been answered when the server died."""
    is_done = threading.Event()

    def do() -> None:
        with contextlib.suppress(httpx.HTTPError):
            deed.do(client, chance)
            is_done.set()

    doing = threading.Thread(target=do)
    doing.start()
    time.sleep(after)
    was_done = is_done.is_set()
    server.process.kill()
    server.process.wait()
    doing.join()
    return was_done


def _deeds(uploads: dict[str, bytes]) -> list[Deed]:
    def install(client: httpx.Client, chance: random.Random) -> object:
        name = f"file:{chance.choice(NAMES)}.gguf"
        return client.post("/api/pull", json={"model": name, "stream": False})

    def replace(client: httpx.Client, chance: random.Random) -> object:
        name = chance.choice(NAMES)
        client.request("DELETE", "/api/delete", json={"model": name})
        return client.post("/api/pull", json={"model": f"file:{name}.gguf", "stream": False})

    def copy(client: httpx.Client, chance: random.Random) -> object:
        body = {"source": chance.choice((*NAMES, STARTER)), "destination": _some_copy(chance)}
        return client.post("/api/copy", json=body)

    def create(client: httpx.Client, chance: random.Random) -> object:
        body = {"model": _some_copy(chance), "from": STARTER, "system": "Be brief."}
        return client.post("/api/create", json={**body, "stream": False})

    def create_from_upload(client: httpx.Client, chance: random.Random) -> object:
        content = uploads[chance.choice(NAMES)]
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        client.post(f"/api/blobs/{digest}", content=content)
        body = {"model": _some_copy(chance), "files": {"x.gguf": digest}, "stream": False}
        return client.post("/api/create", json=body)

    def delete(client: httpx.Client, chance: random.Random) -> object:
        for name in chance.sample([*NAMES, "copy-0", "copy-1", "copy-2"], 3):
            client.request("DELETE", "/api/delete", json={"model": name})
        return None

    def rename(client: httpx.Client, chance: random.Random) -> object:
        body = {"model": chance.choice(NAMES), "new_name": _some_copy(chance)}
        return client.post("/api/npu/models/rename", json=body)

    return [
        Deed("install", 1.0, 5, install),
        Deed("delete and install", 0.8, 4, replace),
        Deed("create from an upload", 0.75, 4, create_from_upload),
        Deed("delete", 0.13, 4, delete),
        Deed("copy", 0.03, 1, copy),
        Deed("create", 0.04, 1, create),
        Deed("rename", 0.03, 1, rename),
    ]


def _some_copy(chance: random.Random) -> str:
    return f"copy-{chance.randrange(3)}"


def _write_files(drop: Path) -> dict[str, bytes]:
    drop.mkdir(exist_ok=True)
    contents = {}
    for seed, name in enumerate(NAMES):
        model = tiny_decoder("llama", seed=seed)
        model.values |= byte_tokenizer()
        write_gguf(drop / f"{name}.gguf", model)
        contents[name] = (drop / f"{name}.gguf").read_bytes()
    return contents


if __name__ == "__main__":
    sys.exit(main())
