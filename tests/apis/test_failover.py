"""Two devices serve one model: what one cannot do, the other does, and the receipt says so.

The second device is the CPU in a GPU's place. Both compute in f32, so that greedy text does not
depend on the shape of a batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance, change_rows, copy_home, polls

TOKENS = 300
BODY = {
    "model": MODEL,
    "prompt": "Write about the life of a river.",
    "options": {"num_predict": TOKENS, "temperature": 0, "ignore_eos": True},
}
BOTH_LOADED_AND_EXACT = """
model = models.Model.objects.get()
for name in ("GPU", "CPU"):
    device = models.Device.objects.get(name=name)
    models.PinnedPair.objects.create(model=model, device=device)
    models.DevicePolicy.objects.filter(device=device).update(
        engine_properties={"INFERENCE_PRECISION_HINT": "f32"}
    )
models.Setting.objects.update_or_create(
    key="heartbeat_timeout_seconds", defaults={"value": 2}
)
"""


@pytest.fixture(scope="module")
def pair(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("pair") / "home")
    change_rows(home, BOTH_LOADED_AND_EXACT)
    appliance = Appliance.start(home, NPUCONSOLE_EMULATE_GPU="1", NPU_PROXY_DEVICE="GPU")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()


def wait_for_engines(appliance: Appliance, *devices: str) -> None:
    with appliance.client() as client:
        for _ in polls(60):
            listed = client.get("/health/devices").json()["devices"]
            ready = {d["name"] for d in listed if any(e["state"] == "ready" for e in d["engines"])}
            if ready >= set(devices):
                return
    raise AssertionError(f"{devices} were not loaded:\n{appliance.output}")


def engine_of(appliance: Appliance, device: str) -> psutil.Process:
    """The process of that device's engine, once both are loaded."""
    wait_for_engines(appliance, "GPU", "CPU")
    with appliance.client() as client:
        (model,) = client.get("/api/ps").json()["models"]
    (pid,) = [engine["pid"] for engine in model["engines"] if engine["device"] == device]
    return psutil.Process(pid)


def receipt_of(appliance: Appliance, answer: httpx.Response) -> dict[str, Any]:
    with appliance.client() as client:
        return client.get(f"/api/npu/requests/{answer.headers['X-Request-ID']}").json()


def undisturbed(appliance: Appliance) -> dict[str, Any]:
    with appliance.client() as client:
        return client.post("/api/generate", json={**BODY, "stream": False}).json()


@pytest.mark.parametrize("harm", ["kill", "suspend"])
def test_a_stream_goes_on_elsewhere_and_the_receipt_names_both_devices(
    pair: Appliance, harm: str
) -> None:
    wait_for_engines(pair, "GPU", "CPU")
    calm = undisturbed(pair)
    victim = engine_of(pair, "GPU")
    with pair.client() as client, client.stream("POST", "/api/generate", json=BODY) as stream:
        lines = stream.iter_lines()
        frames = [json.loads(next(lines)) for _ in range(12)]
        getattr(victim, harm)()
        frames += [json.loads(line) for line in lines]

    assert stream.headers["X-NPU-Proxy-Device"] == "GPU"
    assert "".join(frame.get("response", "") for frame in frames) == calm["response"]
    assert frames[-1]["context"] == calm["context"]
    assert frames[-1]["eval_count"] == TOKENS
    receipt = receipt_of(pair, stream)
    assert receipt["devices"] == ["GPU", "CPU"]
    parts = [(step["device"], step["reason"], step["tokens"]) for step in receipt["chain"]]
    failed, served = [part for part in parts if part[2]]
    reason = {"kill": "engine_failed", "suspend": "engine_stalled"}[harm]
    assert failed[:2] == ("GPU", reason)
    assert failed[2] + served[2] == TOKENS
    assert not psutil.pid_exists(victim.pid)


def test_a_grammar_is_kept_to_when_its_stream_moves(pair: Appliance) -> None:
    """The next engine goes on with what is left of the grammar."""
    item = {"type": "string", "minLength": 12, "maxLength": 16}
    items = {"type": "array", "items": item, "minItems": 16, "maxItems": 16}
    schema = {"type": "object", "properties": {"list": items}, "required": ["list"]}
    # On the CPU, because the GPU's engine has died before, and a third time is a quarantine.
    body = {"model": f"{MODEL}@cpu", "prompt": "List words.", "format": schema}
    body["options"] = {"temperature": 0, "num_predict": 400}
    victim = engine_of(pair, "CPU")
    with pair.client() as client:
        calm = client.post("/api/generate", json={**body, "stream": False}).json()
    with pair.client() as client, client.stream("POST", "/api/generate", json=body) as stream:
        lines = stream.iter_lines()
        frames = [json.loads(next(lines)) for _ in range(12)]
        victim.kill()
        frames += [json.loads(line) for line in lines]

    assert "".join(frame.get("response", "") for frame in frames) == calm["response"]
    assert frames[-1]["eval_count"] == calm["eval_count"]
    assert len(json.loads(calm["response"])["list"]) == 16
    assert receipt_of(pair, stream)["devices"] == ["CPU", "GPU"]


def test_when_both_die_at_once_the_stream_waits_for_a_new_engine(pair: Appliance) -> None:
    wait_for_engines(pair, "GPU", "CPU")
    calm = undisturbed(pair)
    with pair.client() as client, client.stream("POST", "/api/generate", json=BODY) as stream:
        lines = stream.iter_lines()
        frames = [json.loads(next(lines)) for _ in range(5)]
        for child in pair.children():
            child.kill()
        frames += [json.loads(line) for line in lines]

    assert "".join(frame.get("response", "") for frame in frames) == calm["response"]
    assert frames[-1]["eval_count"] == TOKENS


def test_a_spoiled_variant_is_passed_over_for_the_sound_one(
    starter_home: Path, tmp_path: Path
) -> None:
    home = copy_home(starter_home, tmp_path / "home")
    change_rows(
        home,
        """
import shutil
from pathlib import Path
from inference import environment
sound = models.ModelVariant.objects.get()
folder = environment.models_folder() / sound.folder
spoiled = folder.with_name("spoiled")
shutil.copytree(folder, spoiled)
(spoiled / "openvino_model.bin").write_bytes(b"spoiled")
models.ModelVariant.objects.create(
    model=sound.model, folder=str(Path(sound.folder).with_name("spoiled")),
    weight_format="other", device_classes=["CPU"], size_bytes=1,
)
""",
    )
    appliance = Appliance.start(home, NPU_PROXY_DEVICE="CPU")
    try:
        appliance.wait_until_started()
        with appliance.client() as client:
            answer = client.post("/api/generate", json={**BODY, "stream": False})
        assert answer.json()["eval_count"] == TOKENS
        steps = receipt_of(appliance, answer)["chain"]
        assert [s["reason"] for s in steps if s["device"] == "CPU" and s["error"]] == [
            "device_loading",
            "load_failed",
        ]
    finally:
        appliance.stop()
