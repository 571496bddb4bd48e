"""The dry run tells what would happen to a prompt; the real run then does just that."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from apis.calls import Call
from apis.npu.schemas import RouteBody
from apis.npu.translation import asked_by, route_request
from apis.wishes import Asked
from inference.errors import CapabilityMissing, InvalidRequest
from inference.prediction import PairLoad
from inference.previews import DevicePreview, Preview, answers_meanwhile
from inference.requests import DeviceWish, GenerationRequest, Message, Need, Sampling
from inference.snapshot import DeviceInfo, ModelInfo, Snapshot
from tests.apis.conftest import MODEL
from tests.appliance_process import Appliance

CALL = Call("POST", "/api/npu/route", "", "", (), "")
USER = [{"role": "user", "content": "hi"}]


def model(**changes: Any) -> ModelInfo:
    facts: dict[str, Any] = dict.fromkeys(ModelInfo.__dataclass_fields__, "")
    return ModelInfo(**{**facts, "name": "tiny:1m", "capabilities": ("completion",), **changes})


def request_of(body: dict[str, Any], **changes: Any) -> GenerationRequest:
    read = RouteBody.model_validate({"model": "tiny", **body})
    return route_request(CALL, read, Asked("tiny"), model(**changes))


@pytest.mark.parametrize(
    ("body", "messages", "prompt"),
    [
        ({"prompt": "hi"}, (Message("user", "hi"),), None),
        ({"prompt": "hi", "raw": False}, (Message("user", "hi"),), None),
        ({"prompt": "hi", "raw": True}, None, "hi"),
        ({"messages": USER}, (Message("user", "hi"),), None),
        ({"messages": USER, "prompt": None}, (Message("user", "hi"),), None),
    ],
)
def test_a_prompt_is_a_users_message_unless_it_is_raw(
    body: dict[str, Any], messages: tuple[Message, ...] | None, prompt: str | None
) -> None:
    request = request_of(body)

    assert (request.messages, request.prompt) == (messages, prompt)


def test_the_models_own_system_prompt_counts() -> None:
    request = request_of({"prompt": "hi"}, system="Be brief.")

    assert request.messages == (Message("system", "Be brief."), Message("user", "hi"))


@pytest.mark.parametrize(
    ("body", "max_tokens", "num_ctx", "needs"),
    [
        ({}, None, None, set()),
        ({"max_tokens": 5, "num_predict": 9}, 5, None, set()),
        ({"num_predict": 9}, 9, None, set()),
        ({"num_predict": -1}, None, None, set()),
        ({"max_tokens": 10**12}, 2**31 - 1, None, set()),
        ({"num_ctx": 8295}, None, 8295, set()),
        ({"num_ctx": 0}, None, None, set()),
        ({"needs": ["logprobs", "schema"]}, None, None, {Need.LOGPROBS, Need.SCHEMA}),
        ({"needs": []}, None, None, set()),
    ],
)
def test_lengths_and_needs(
    body: dict[str, Any], max_tokens: int | None, num_ctx: int | None, needs: set[Need]
) -> None:
    request = request_of({"prompt": "hi", **body})

    assert request.sampling == Sampling(max_tokens=max_tokens)
    assert (request.num_ctx, request.needs) == (num_ctx, needs)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "prompt", "either prompt or messages is required"),
        ({"prompt": "x", "messages": USER}, "prompt", "either prompt or messages"),
        ({"messages": []}, "messages", "there is none"),
        ({"messages": USER, "raw": True}, "raw", "only a prompt"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens", "at least 1"),
        ({"prompt": "x", "needs": ["wings"]}, "needs", "'wings' is not one of tools, schema"),
    ],
)
def test_refused_with_the_field(body: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        request_of(body)

    assert refused.value.field == field
    assert words in refused.value.message


def test_a_model_that_generates_nothing_is_refused_as_it_would_be() -> None:
    with pytest.raises(CapabilityMissing, match="does not support completion"):
        request_of({"prompt": "x"}, capabilities=("embedding",))


@pytest.mark.parametrize(
    ("name", "prefer_device", "header", "wish"),
    [
        ("tiny@cpu", "gpu", "npu", DeviceWish("CPU")),
        ("tiny", "gpu; strict", "npu", DeviceWish("GPU", is_strict=True)),
        ("tiny", None, "npu", DeviceWish("NPU")),
        ("tiny", "", "", None),
    ],
)
def test_the_name_wins_over_the_body_and_that_over_the_header(
    name: str, prefer_device: str | None, header: str, wish: DeviceWish | None
) -> None:
    body = RouteBody(model=name, prefer_device=prefer_device)

    assert asked_by(body, header) == Asked("tiny", wish)


def turn(device: str, place: int | None) -> DevicePreview:
    return DevicePreview(device, False, place, "", "", 1, 2, 0, None, "", 0, 0)


READY, FULL = PairLoad("ready", running=1, places=2), PairLoad("ready", running=2, places=2)
COLD, LOADING = PairLoad(), PairLoad("loading")


@pytest.mark.parametrize(
    ("npu", "gpu", "cpu", "overflow", "meanwhile"),
    [
        (READY, READY, READY, "next", None),
        (COLD, COLD, COLD, "next", None),
        (COLD, READY, READY, "next", "GPU"),
        (LOADING, COLD, READY, "next", "CPU"),
        (FULL, READY, READY, "next", "GPU"),
        (FULL, FULL, READY, "next", "CPU"),
        (FULL, FULL, FULL, "next", None),
        (FULL, READY, READY, "wait", None),
        (FULL, READY, READY, "refuse", None),
        (LOADING, READY, READY, "wait", "GPU"),
    ],
)
def test_who_answers_while_the_first_device_cannot(
    npu: PairLoad, gpu: PairLoad, cpu: PairLoad, overflow: str, meanwhile: str | None
) -> None:
    loads = {"NPU": npu, "GPU": gpu, "CPU": cpu}
    row = DeviceInfo("NPU", True, True, False, "", "", "", 0, None, 1, 1, 1, 1, overflow)
    # The table of devices is in the rule's order, which need not be that of the turns.
    devices = turn("CPU", 3), turn("GPU", 2), turn("NPU", 1), turn("GPU.7", None)
    told = Preview(MODEL, 1, True, None, "thresholds", 1, "NPU", "NPU", "", "", devices)

    assert answers_meanwhile(told, Snapshot(devices=(row,)), lambda _, d: loads[d]) == meanwhile


def dry_run(server: Appliance, body: dict[str, Any]) -> Any:
    with server.client() as client:
        answer = client.post("/api/npu/route", json={"model": MODEL, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("words", "wish"), [(20, ""), (1900, ""), (20, "@cpu"), (20, "@gpu"), (20, "@npu!")]
)
def test_what_is_told_is_what_then_happens(server: Appliance, words: int, wish: str) -> None:
    body = {"model": MODEL + wish, "messages": [{"role": "user", "content": "word " * words}]}

    told = dry_run(server, {**body, "max_tokens": 2})

    with server.client() as client:
        real = client.post("/v1/chat/completions", json={**body, "max_tokens": 2}).headers
    assert (told["meanwhile"] or told["device"]) == real["X-NPU-Proxy-Execution-Device"]
    assert told["routed_device"] == real["X-NPU-Proxy-Routed-Device"]
    assert told["reason"] == real["X-NPU-Proxy-Route-Reason"]
    assert told["prompt_tokens"] == int(real["X-NPU-Proxy-Token-Count"])
    assert told["is_exact"] is True
    assert told["requested_tokens"] == 2


def test_every_device_says_its_part(server: Appliance) -> None:
    told = dry_run(server, {"prompt": "hi", "max_tokens": 2})

    devices = {device["device"]: device for device in told["devices"]}
    assert told["refusal"] is None
    assert devices["NPU"]["would_run"]
    assert devices["NPU"]["place"] == 1
    assert devices["NPU"]["emulated"]
    assert devices["NPU"]["limit"] < devices["NPU"]["capacity"] < devices["CPU"]["capacity"]
    assert devices["CPU"]["place"] == 2
    assert devices["CPU"]["reason"] is None
    assert devices["GPU"]["place"] is None
    assert devices["GPU"]["reason"] == "device_absent"
    assert "not found by OpenVINO" in devices["GPU"]["words"]


def test_a_prompt_that_would_be_refused_is_an_answer_with_the_numbers(server: Appliance) -> None:
    told = dry_run(server, {"prompt": "word " * 9000})

    assert told["device"] is None
    assert told["refusal"]["code"] == "prompt_too_long"
    assert "8192" in told["refusal"]["error"]
    assert all(device["place"] is None for device in told["devices"])


def test_nothing_is_loaded_or_recorded(server: Appliance) -> None:
    with server.client() as client:

        def seen() -> tuple[Any, Any]:
            engines = client.get("/health/devices").json()["devices"]
            newest = client.get("/api/npu/requests", params={"limit": 1}).json()["requests"]
            return (
                [(e["model"], e["loaded_at"]) for device in engines for e in device["engines"]],
                [receipt["id"] for receipt in newest],
            )

        before = seen()
        dry_run(server, {"prompt": "hi", "prefer_device": "cpu"})
        assert seen() == before


@pytest.mark.parametrize(
    ("body", "status", "field", "words"),
    [
        ({"model": "llama9@npu"}, 404, None, "model 'llama9@npu' not found"),
        ({"model": None}, 400, "model", "model is required"),
        ({"prefer_device": "tpu"}, 400, "prefer_device", "'tpu' is not a device"),
        ({"prompt": 5}, 400, "prompt", "valid string"),
        ({"messages": [{"role": "alien"}], "prompt": None}, 400, "messages[0].role", "Input"),
    ],
)
def test_refused_before_any_routing(
    client: httpx.Client, body: dict[str, Any], status: int, field: str | None, words: str
) -> None:
    answer = client.post("/api/npu/route", json={"model": MODEL, "prompt": "x", **body})

    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert words in answer.json()["error"]
