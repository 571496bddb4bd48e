"""`python -m benchmarks.conversion`: a small model with random weights and a real tokenizer, from a
hub on loopback through a real server. Needs the extra `convert`.

It is converted to each target, and asked. Then one conversion is cancelled, another one killed with
its server, and a model whose tokenizer loses text is offered. Exit code 1 when anything is left of
what did not succeed. It shows whether the installed versions of torch, transformers, optimum-intel
and nncf work together.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from inference import environment
from tests.appliance_process import Appliance, copy_home, make_starter_home
from tests.catalog.loopback_hub import LoopbackHub
from tests.catalog.tiny_checkpoint import write_checkpoint

SOUND, LOWERING = "someone/random-llama", "someone/lowering-llama"
TARGETS = ("fp16", "int8", "int4", "npu")
GRAPH = "converting the graph"
PATH = "/api/npu/models/convert"
SECONDS = 900.0


class Disagreement(Exception):
    """Something is not as it should be; the text says what."""


def convert(client: httpx.Client, target: str) -> dict[str, Any]:
    """Convert to that target and ask the result once; what was seen."""
    began = time.perf_counter()
    lines = list(_lines(client, SOUND, target))
    if lines[-1] != {"status": "success"}:
        raise Disagreement(f"{target}: {lines[-1]}")
    seconds = time.perf_counter() - began
    device = "NPU" if target == "npu" else "CPU"
    answer = client.post(
        "/api/generate",
        json={
            "model": f"converted:{target}@{device.lower()}",
            "prompt": "Hello",
            "stream": False,
            "options": {"num_predict": 8, "temperature": 0},
        },
    )
    answer.raise_for_status()
    if answer.headers["X-NPU-Proxy-Execution-Device"] != device:
        raise Disagreement(f"{target} did not run on the {device}")
    words = [line["status"] for line in lines if line["status"].startswith("perplexity")]
    if len(words) != (target != "fp16"):
        raise Disagreement(f"{target}: its quality was told {len(words)} times")
    return {
        "seconds": round(seconds, 1),
        "steps": len({line["status"] for line in lines}),
        "quality": words,
        "tokens": answer.json()["eval_count"],
    }


def cancel(client: httpx.Client) -> None:
    """End a conversion in its middle by the job's number."""
    for line in _lines(client, SOUND, "int8", name="never"):
        if line.get("status") == GRAPH:
            job = _newest(client)
            client.post(f"/api/npu/pulls/{job['id']}/cancel").raise_for_status()
        last = line
    job = _newest(client)
    if "cancelled" not in last.get("error", "") or job["status"] != "cancelled":
        raise Disagreement(f"cancelled, it said {last} and its job {job}")


def kill(appliance: Appliance, client: httpx.Client) -> None:
    """Kill the server in the middle of a conversion."""
    with contextlib.suppress(httpx.TransportError):
        for line in _lines(client, SOUND, "int8", name="never"):
            if line.get("status") == GRAPH:
                appliance.process.kill()
                appliance.process.wait()


def refuse(client: httpx.Client) -> str:
    """Offer the model with the tokenizer that loses text; the words of its refusal."""
    *_, last = _lines(client, LOWERING, "fp16", name="never")
    if "tokenizer" not in last.get("error", ""):
        raise Disagreement(f"a tokenizer that loses text was taken: {last}")
    return str(last["error"])


def nothing_is_left(appliance: Appliance, client: httpx.Client) -> None:
    """Raises Disagreement if there is something of a conversion that did not succeed."""
    doctor = client.get("/api/npu/doctor").json()["findings"]
    found = [thing["words"] for thing in doctor if thing["is_wrong"]]
    found += [path.name for path in (appliance.home / "models" / ".work").iterdir()]
    found += [path.name for path in (appliance.home / "models" / "installed").glob("never*")]
    if found or "never" in client.get("/api/tags").text:
        raise Disagreement(f"left: {found}")


def _lines(
    client: httpx.Client, source: str, target: str, name: str = "converted"
) -> Iterator[dict[str, Any]]:
    # What random weights foretell says nothing, before and after: whatever is lost may be.
    body = {"source": source, "to": target, "name": f"{name}:{target}", "force": True}
    with client.stream("POST", PATH, json=body) as stream:
        for line in stream.iter_lines():
            yield json.loads(line)


def _newest(client: httpx.Client) -> dict[str, Any]:
    job: dict[str, Any] = client.get("/api/npu/pulls", params={"limit": 1}).json()["pulls"][0]
    return job


def run(root: Path) -> None:
    """All of it, in a data folder below `root`. Raises Disagreement."""
    starter = make_starter_home()
    (tokenizer,) = (starter / "models" / "installed").iterdir()
    hub = LoopbackHub(
        {
            SOUND: write_checkpoint(root / "sound", tokenizer),
            LOWERING: write_checkpoint(root / "lowering", tokenizer, lowers=True),
        }
    )
    home = copy_home(starter, root / "home")
    variables = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(root / "hub-client"),
        "NPUCONSOLE_EXTRAS": str(environment.extras_folder()),
        "NPUCONSOLE_EMULATE_NPU": "1",
        "NPU_PROXY_MAX_PROMPT_LEN": "256",
        "NPU_PROXY_TOKEN_LIMIT": "200",
    }
    try:
        for part in (_served, _after_the_kill):
            appliance = Appliance.start(home, **variables)
            try:
                appliance.wait_until_started()
                with appliance.client(SECONDS) as client:
                    part(appliance, client)
            finally:
                appliance.process.kill()
                appliance.process.wait()
    finally:
        hub.close()


def _served(appliance: Appliance, client: httpx.Client) -> None:
    for target in TARGETS:
        print(target, convert(client, target), flush=True)
    cancel(client)
    nothing_is_left(appliance, client)
    print("cancelled: nothing is left", flush=True)
    print("refused:", refuse(client), flush=True)
    nothing_is_left(appliance, client)
    kill(appliance, client)


def _after_the_kill(appliance: Appliance, client: httpx.Client) -> None:
    job = _newest(client)
    if job["status"] != "failed" or "nothing is left" not in job["error"]:
        raise Disagreement(f"the job of the killed server is {job}")
    nothing_is_left(appliance, client)
    print("killed: nothing is left,", job["error"], flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit code."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="npuconsole-conversion-") as folder:
        try:
            run(Path(folder))
        except Disagreement as disagreement:
            print(disagreement)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
