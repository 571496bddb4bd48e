"""The dry run: what would happen to a prompt, and why, for every device."""

from __future__ import annotations

import pytest

from inference.errors import ModelNotFound
from inference.previews import preview
from inference.requests import DeviceWish, GenerationRequest, Message, Need, Sampling
from inference.router import PairLoad
from inference.snapshot import BucketInfo, PassportInfo
from tests.inference.small_picture import MODEL, picture


def ask(prompt: str = "Good morning", **more: object) -> GenerationRequest:
    return GenerationRequest(
        **{"model": MODEL, "prompt": prompt, **more}, family="console", endpoint="route"
    )


async def test_every_device_is_told_with_its_place_and_its_limits(starter_folder, tokenizer):
    text = "word " * 1900
    told = await preview(ask(text, sampling=Sampling(max_tokens=100)), picture(starter_folder))
    assert told.prompt_tokens == len(tokenizer.encode(text).ids)
    assert told.is_exact
    assert (told.device, told.routed_device, told.reason) == ("CPU", "GPU", "over_token_limit")
    assert told.explanation == (
        f"{told.prompt_tokens:,} tokens: over the NPU's limit of 1,800, "
        "GPU not found by OpenVINO, so CPU"
    )
    npu, gpu, cpu = told.devices
    assert (npu.device, npu.place, npu.reason, npu.limit) == ("NPU", None, "over_token_limit", 1800)
    assert npu.words == "over its limit of 1,800"
    assert npu.emulated
    assert (gpu.place, gpu.reason) == (None, "device_absent")
    assert (cpu.place, cpu.would_run, cpu.reason, cpu.words) == (1, True, "", "would run here")
    assert (cpu.limit, cpu.capacity) == (8192, 8192)


async def test_passports_and_load_are_told(starter_folder):
    snapshot = picture(
        starter_folder,
        PassportInfo(MODEL, "NPU", True, "", 1024, 40.0, 6.0, 1, (BucketInfo(100, 0.5, 20.0),)),
    )

    def load_of(model: str, device: str) -> PairLoad:
        busy = PairLoad("ready", running=1, queued=3)
        return busy if device == "NPU" else PairLoad(quarantine="the engine hung")

    told = await preview(ask(sampling=Sampling(max_tokens=10)), snapshot, load_of)
    npu, _, cpu = told.devices
    assert npu.verified_prompt_tokens == npu.limit == 1024
    assert npu.predicted_seconds == pytest.approx(1.0 + 3.5)
    assert (npu.state, npu.running, npu.queued) == ("ready", 1, 3)
    assert (cpu.place, cpu.reason, cpu.predicted_seconds) == (2, "quarantined", None)
    assert cpu.words == "would be tried as number 2: rests after failures (the engine hung)"


async def test_a_refusal_is_told_instead_of_raised(starter_folder):
    told = await preview(ask("word " * 9000), picture(starter_folder))
    assert (told.device, told.refusal_code) == ("", "prompt_too_long")
    assert "NPU 1800" in told.refusal
    assert "CPU 8192" in told.refusal
    assert [device.place for device in told.devices] == [None, None, None]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"wish": DeviceWish("GPU", is_strict=True)}, "no_device"),
        ({"needs": frozenset({Need.IMAGES})}, "capability_missing"),
    ],
)
async def test_every_kind_of_refusal_has_its_code(starter_folder, more, code):
    told = await preview(ask(**more), picture(starter_folder))
    assert told.refusal_code == code
    assert told.refusal in told.explanation


async def test_a_prompt_too_long_to_read_says_at_least(starter_folder):
    told = await preview(ask("word " * 200_000), picture(starter_folder))
    assert not told.is_exact
    assert told.prompt_tokens > 8192
    assert told.refusal_code == "prompt_too_long"


async def test_without_a_tokenizer_the_count_is_an_estimate(tmp_path):
    messages = (Message("user", "word " * 100), Message("user", "word " * 100))
    told = await preview(ask(prompt=None, messages=messages), picture(tmp_path))
    assert not told.is_exact
    assert told.prompt_tokens == pytest.approx(200, rel=0.2)
    assert told.device == "NPU"


async def test_an_unknown_model_is_an_error(starter_folder):
    with pytest.raises(ModelNotFound):
        await preview(ask(model="nobody"), picture(starter_folder))
