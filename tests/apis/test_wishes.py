"""On which device a client wants its answer: a header or a suffix of the model's name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from apis.wishes import PREFER_DEVICE, Asked, parse_preference, read_asked
from inference.errors import InvalidRequest
from inference.requests import DeviceWish
from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance

NPU, STRICT_NPU = DeviceWish("NPU"), DeviceWish("NPU", is_strict=True)


@pytest.mark.parametrize(
    ("name", "header", "model", "wish"),
    [
        ("llama3", "", "llama3", None),
        ("llama3@npu", "", "llama3", NPU),
        ("llama3:8b@NPU", "", "llama3:8b", NPU),
        ("llama3:8b@Gpu.1", "", "llama3:8b", DeviceWish("GPU.1")),
        ("llama3@cpu!", "", "llama3", DeviceWish("CPU", is_strict=True)),
        ("host:5000/team/llama3:8b@npu!", "", "host:5000/team/llama3:8b", STRICT_NPU),
        ("@npu", "", "", NPU),
        ("llama3", "npu", "llama3", NPU),
        ("llama3", " Npu ; Strict ", "llama3", STRICT_NPU),
        ("llama3", "GPU.0;strict", "llama3", DeviceWish("GPU.0", is_strict=True)),
        ("llama3", "  ", "llama3", None),
        ("llama3@cpu", "NPU; strict", "llama3", DeviceWish("CPU")),
        ("llama3@cpu", "nonsense", "llama3", DeviceWish("CPU")),
        # What comes before the last @ is a name's business, and no name holds one.
        ("a@cpu@npu", "", "a@cpu", NPU),
        ("", "", "", None),
    ],
)
def test_understood(name: str, header: str, model: str, wish: DeviceWish | None) -> None:
    assert read_asked(name, header) == Asked(model, wish)


@pytest.mark.parametrize(
    ("name", "header", "field", "words"),
    [
        ("llama3@tpu", "", "model", "model: 'tpu' is not a device, use NPU, GPU, CPU"),
        ("llama3@", "", "model", "model: '' is not a device"),
        ("llama3@!", "", "model", "model: '' is not a device"),
        ("llama3@npu!!", "", "model", "model: 'npu!' is not a device"),
        ("llama3@npu:8b", "", "model", "model: 'npu:8b' is not a device"),
        ("llama3@gpu.", "", "model", "model: 'gpu.' is not a device"),
        ("llama3@gpu.1234", "", "model", "is not a device"),
        ("llama3@gpu.\u0661", "", "model", "is not a device"),
        ("llama3@npu\n", "", "model", "is not a device"),
        ("llama3@" + "x" * 1000, "", "model", "is not a device"),
        ("llama3", "TPU", PREFER_DEVICE, "X-NPU-Proxy-Prefer-Device: 'TPU' is not a device"),
        ("llama3", "NPU, GPU", PREFER_DEVICE, "is not a device"),
        ("llama3", "; strict", PREFER_DEVICE, "'' is not a device"),
        ("llama3", "NPU; please", PREFER_DEVICE, "'please' is not known, only \"strict\""),
        ("llama3", "NPU;", PREFER_DEVICE, "'' is not known"),
    ],
)
def test_refused_with_the_field(name: str, header: str, field: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_asked(name, header)

    assert refused.value.field == field
    assert words in refused.value.message
    assert len(refused.value.message) < 200


def test_a_preference_is_the_same_wherever_it_is_written() -> None:
    assert parse_preference("npu; strict", "prefer_device") == STRICT_NPU
    with pytest.raises(InvalidRequest, match="^prefer_device: 'x' is not a device"):
        parse_preference("x", "prefer_device")


CHAT = {"messages": [{"role": "user", "content": "hi"}]}
FEW = {"options": {"num_predict": 1}, "stream": False}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {**CHAT, **FEW}),
        ("/api/generate", {"prompt": "hi", **FEW}),
        ("/api/generate", {}),
        ("/api/chat", {}),
        ("/api/generate", {"keep_alive": 0}),
        ("/v1/chat/completions", {**CHAT, "max_tokens": 1}),
        ("/api/embed", {"input": "x"}),
        ("/api/embeddings", {"prompt": "x"}),
        ("/v1/embeddings", {"input": "x"}),
    ],
)
def test_a_wrong_device_is_400_in_every_endpoint(
    client: httpx.Client, path: str, body: dict[str, object]
) -> None:
    by_suffix = client.post(path, json={"model": f"{MODEL}@tpu", **body})
    by_header = client.post(path, json={"model": MODEL, **body}, headers={PREFER_DEVICE: "tpu"})

    for answer, field in ((by_suffix, "model"), (by_header, PREFER_DEVICE)):
        assert answer.status_code == 400
        error = answer.json()["error"]
        message = error if isinstance(error, str) else error["message"]
        assert message.startswith(f"{field}: 'tpu' is not a device")
        if not isinstance(error, str):
            assert error["param"] == field


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {**CHAT, **FEW}),
        ("/api/generate", {"prompt": "hi", **FEW}),
        ("/api/generate", {}),
        ("/api/chat", {}),
        ("/v1/chat/completions", {**CHAT, "max_tokens": 1}),
    ],
)
def test_the_answer_has_the_models_name_as_it_was_sent(
    client: httpx.Client, path: str, body: dict[str, object]
) -> None:
    answer = client.post(path, json={"model": f"{MODEL}@CPU", **body})

    assert answer.status_code == 200
    assert answer.json()["model"] == f"{MODEL}@CPU"
    assert answer.headers["X-NPU-Proxy-Device"] == "CPU"


def test_streams_have_the_name_as_it_was_sent(client: httpx.Client) -> None:
    body = {"model": f"{MODEL}@cpu", **CHAT}
    ollama = client.post("/api/chat", json={**body, "options": {"num_predict": 2}})
    openai = client.post("/v1/chat/completions", json={**body, "max_tokens": 2, "stream": True})

    assert all(f'"model":"{MODEL}@cpu"' in line for line in ollama.text.splitlines())
    assert f'"model":"{MODEL}@cpu"' in openai.text


def test_a_missing_model_is_named_as_it_was_sent(client: httpx.Client) -> None:
    ollama = client.post("/api/chat", json={"model": "llama9@npu", **CHAT})
    openai = client.post("/v1/chat/completions", json={"model": "llama9@npu", **CHAT})

    assert (ollama.status_code, ollama.json()) == (404, {"error": "model 'llama9@npu' not found"})
    assert openai.status_code == 404
    assert openai.json()["error"]["message"] == "model 'llama9@npu' not found"


def test_show_and_retrieve_know_a_name_with_a_device(client: httpx.Client) -> None:
    """Clients look a model up by the very name that they then ask."""
    shown = client.post("/api/show", json={"model": f"{MODEL}@npu!"})
    retrieved = client.get(f"/v1/models/{MODEL}@npu")

    assert shown.status_code == retrieved.status_code == 200
    assert retrieved.json()["id"] == MODEL


LONG = [{"role": "user", "content": "word " * 2500}]


def ask(server: Appliance, path: str, name: str, body: dict[str, Any], header: str = "") -> Any:
    limit = {"max_tokens": 2} if path.startswith("/v1") else {"options": {"num_predict": 2}}
    with server.client() as client:
        return client.post(
            path,
            json={"model": name, "stream": False, **limit, **body},
            headers={PREFER_DEVICE: header} if header else {},
        )


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize(
    ("suffix", "header"), [("@npu!", ""), ("", "NPU; strict"), ("@NPU!", "CPU; strict")]
)
def test_a_strict_wish_for_more_than_the_device_holds_is_refused_with_the_numbers(
    server: Appliance, path: str, suffix: str, header: str
) -> None:
    answer = ask(server, path, MODEL + suffix, {"messages": LONG}, header)

    assert answer.status_code == 400
    error = answer.json()["error"]
    message = error if isinstance(error, str) else error["message"]
    assert "2048" in message
    assert "CPU" not in message, "only the device that was asked for counts"
    assert int(answer.headers["X-NPU-Proxy-Token-Count"]) > 2500


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", CHAT),
        ("/api/generate", {"prompt": "hi"}),
        ("/v1/chat/completions", CHAT),
        ("/v1/chat/completions", {**CHAT, "n": 2}),
    ],
)
@pytest.mark.parametrize(("suffix", "header"), [("@cpu", ""), ("", "CPU"), ("@cpu!", "NPU")])
def test_a_wish_is_where_it_runs(
    server: Appliance, path: str, body: dict[str, Any], suffix: str, header: str
) -> None:
    answer = ask(server, path, MODEL + suffix, body, header)

    assert answer.status_code == 200, answer.text
    assert answer.headers["X-NPU-Proxy-Device"] == "CPU"
    assert answer.headers["X-NPU-Proxy-Routed-Device"] == "CPU"
    assert answer.headers["X-NPU-Proxy-Route-Reason"] == "requested_device"
    assert "X-NPU-Proxy-Fallback-Reason" not in answer.headers
    assert answer.json()["model"] == MODEL + suffix


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_a_wish_for_a_device_that_is_not_there_falls_back_unless_it_is_strict(
    server: Appliance, path: str
) -> None:
    lenient = ask(server, path, f"{MODEL}@gpu", CHAT)
    strict = ask(server, path, f"{MODEL}@gpu!", CHAT)

    assert lenient.headers["X-NPU-Proxy-Routed-Device"] == "GPU"
    assert lenient.headers["X-NPU-Proxy-Device"] in ("NPU", "CPU")
    assert lenient.headers["X-NPU-Proxy-Fallback-Reason"] == "device_absent"
    assert strict.status_code == 503
    assert "not found by OpenVINO" in strict.text


def test_a_wish_decides_where_an_empty_prompt_loads(server: Appliance) -> None:
    load = {"/api/generate": {}, "/api/chat": {"messages": []}}
    for path, body in load.items():
        for suffix, header in (("@cpu", ""), ("", "cpu")):
            answer = ask(server, path, MODEL + suffix, body, header)

            assert answer.json()["done_reason"] == "load"
            assert answer.headers["X-NPU-Proxy-Device"] == "CPU"
