"""`python -m benchmarks.kills`: a server that is killed while it changes its catalogue.

A real server installs, compresses, converts, copies, makes, renames and deletes models; at a random
moment of each it is killed, without a chance to tidy up, and started again. Then the doctor must
find nothing wrong between catalogue and disk, and every model that the catalogue lists must be
whole to the last byte and be shown. What was being installed goes on by itself, and may be hit by
the next kill too; what was being compressed or converted leaves nothing. Exit code 1 when anything
of that does not hold.

Conversions are left out unless `--convert` is given, which needs an environment with the extra
`convert`.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.appliance_process import (
    EXTRAS,
    STARTER,
    Appliance,
    copy_home,
    make_compress_extra,
    make_starter_home,
)
from tests.catalog.tiny_checkpoint import write_checkpoint
from tests.catalog.tiny_gguf import byte_tokenizer, tiny_decoder, write_gguf

NAMES = ("one", "two", "three")
"""Files in the import folder, and models of those names."""

SAFETENSORS = "four"
MAKERS = ("compress", "convert")
"""Deeds that need an extra."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that changes the catalogue; `share` is how often it is chosen."""

    name: str
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
        description="kills at random moments of installs, conversions and deletions"
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--convert", action="store_true", help="conversions, too")
    asked = parser.parse_args()
    makers = MAKERS if asked.convert else ("compress",)
    os.environ["NPUCONSOLE_EXTRAS"] = str(EXTRAS)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = run(
            Path(folder), asked.kills, asked.seed, makers, lambda words: print(words, flush=True)
        )
    print(f"{sum(report.kills.values())} kills in {time.monotonic() - begun:.0f} s")
    for name, count in sorted(report.kills.items()):
        print(f"  {name}: {count}, {report.before_the_end[name]} before it was done")
    print("\n".join(report.wrong) or "catalogue and disk agreed after every one")
    return 1 if report.wrong else 0


def run(
    root: Path,
    kills: int,
    seed: int,
    makers: Sequence[str] = (),
    say: Callable[[str], None] = lambda words: None,
) -> Report:
    """That many kills in a data folder below `root`. Every deed is done once in peace before: it is
    killed at a random moment of the time that this took."""
    chance, report = random.Random(seed), Report()
    home = copy_home(make_starter_home(), root / "home")
    if "compress" in makers:
        make_compress_extra()
    uploads = _write_files(home / "models" / "import", with_safetensors="convert" in makers)
    deeds = [deed for deed in _deeds(uploads) if deed.name in makers or deed.name not in MAKERS]
    seconds: dict[str, float] = {}
    for number in range(kills + 1):
        server = Appliance.start(home, NPU_PROXY_DEVICE="CPU", HF_HUB_OFFLINE="1")
        try:
            server.wait_until_started()
            with server.client(timeout=600) as client:
                found = problems(client)
                report.wrong += [f"after kill {number}: {problem}" for problem in found]
                if number == kills:
                    break
                if not seconds:
                    seconds = _seconds_in_peace(client, deeds, chance)
                    say(", ".join(f"{name} {took:.2f} s" for name, took in seconds.items()))
                (deed,) = chance.choices(deeds, [deed.share for deed in deeds])
                after = chance.uniform(0, seconds[deed.name])
                was_done = _kill_during(server, client, deed, chance, after)
            report.kills[deed.name] += 1
            report.before_the_end[deed.name] += not was_done
            say(f"{number + 1}: {deed.name}, killed after {after * 1000:.0f} ms")
        finally:
            server.process.kill()
            server.process.wait()
    return report


def _seconds_in_peace(
    client: httpx.Client, deeds: Sequence[Deed], chance: random.Random
) -> dict[str, float]:
    """What each deed takes when nothing disturbs it."""
    for name in NAMES:  # so that all of them have something to work on
        _checked(client.post("/api/pull", json={"model": f"file:{name}.gguf", "stream": False}))
    seconds = {}
    for deed in deeds:
        begun = time.monotonic()
        deed.do(client, chance)
        seconds[deed.name] = time.monotonic() - begun
    # Most installs of a model that is there already are over at once; a real one is wanted.
    seconds["install"] = seconds["delete and install"]
    return seconds


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

    def compress(client: httpx.Client, chance: random.Random) -> object:
        model, name = chance.choice(NAMES), chance.choice(("", _some_copy(chance)))
        client.post("/api/pull", json={"model": f"file:{model}.gguf", "stream": False})
        body = {"model": model, "to": chance.choice(("int4", "npu")), "force": True}
        return client.post("/api/npu/models/compress", json={**body, "name": name, "stream": False})

    def convert(client: httpx.Client, chance: random.Random) -> object:
        body = {"source": f"file:{SAFETENSORS}", "to": "int8", "name": _some_copy(chance)}
        return client.post("/api/npu/models/convert", json={**body, "force": True, "stream": False})

    def delete(client: httpx.Client, chance: random.Random) -> object:
        for name in chance.sample([*NAMES, "copy-0", "copy-1", "copy-2"], 3):
            client.request("DELETE", "/api/delete", json={"model": name})
        return None

    def rename(client: httpx.Client, chance: random.Random) -> object:
        body = {"model": chance.choice(NAMES), "new_name": _some_copy(chance)}
        return client.post("/api/npu/models/rename", json=body)

    return [
        Deed("delete and install", 4, replace),
        Deed("install", 5, install),
        Deed("create from an upload", 4, create_from_upload),
        Deed("compress", 6, compress),
        Deed("convert", 4, convert),
        Deed("copy", 1, copy),
        Deed("create", 1, create),
        Deed("rename", 1, rename),
        Deed("delete", 4, delete),
    ]


def _some_copy(chance: random.Random) -> str:
    return f"copy-{chance.randrange(3)}"


def _checked(answer: httpx.Response) -> httpx.Response:
    assert answer.json()["status"] == "success", answer.text
    return answer


def _write_files(drop: Path, *, with_safetensors: bool) -> dict[str, bytes]:
    drop.mkdir(exist_ok=True)
    if with_safetensors:
        (tokenizer,) = (drop.parent / "installed").iterdir()
        write_checkpoint(drop / SAFETENSORS, tokenizer)
    contents = {}
    for seed, name in enumerate(NAMES):
        model = tiny_decoder("llama", seed=seed)
        model.values |= byte_tokenizer()
        write_gguf(drop / f"{name}.gguf", model)
        contents[name] = (drop / f"{name}.gguf").read_bytes()
    return contents


if __name__ == "__main__":
    sys.exit(main())
