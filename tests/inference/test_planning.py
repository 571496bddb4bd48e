"""From a request to a plan: what the router is told, and what is ready for the engines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from inference import planning
from inference.errors import CapabilityMissing, InvalidRequest, NoDevice, PromptTooLong
from inference.requests import DeviceWish, GenerationRequest, Need, Sampling
from inference.router import PairLoad, Reason
from inference.snapshot import BucketInfo, PassportInfo
from tests.inference.small_picture import CPU, MODEL, NPU, picture

COMPILED = Path("compiled")


def ask(prompt: str = "Good morning", **more: object) -> GenerationRequest:
    return GenerationRequest(
        model=MODEL, family="ollama", endpoint="generate", prompt=prompt, **more
    )


async def plan_of(request, snapshot, load_of=planning.nothing_loaded):
    return await planning.make_plan(request, snapshot, COMPILED, load_of)


async def test_a_plan_has_an_engine_for_every_device_to_try(starter_folder, tokenizer):
    plan = await plan_of(ask(), picture(starter_folder))
    assert plan.prompt_ids == tuple(tokenizer.encode("Good morning").ids)
    assert plan.facts.prompt_tokens == len(plan.prompt_ids)
    assert [candidate.device for candidate in plan.route.candidates] == ["NPU", "CPU"]
    assert {name: [spec.runtime for spec in specs] for name, specs in plan.specs.items()} == {
        "NPU": ["npu"],
        "CPU": ["batched"],
    }
    assert dict(plan.route.passed_over) == {"GPU": Reason.DEVICE_ABSENT}


async def test_what_the_request_needs_and_wishes_reaches_the_router(starter_folder):
    request = ask(
        sampling=Sampling(max_tokens=20),
        num_ctx=64,
        needs=frozenset({Need.SEVERAL_ANSWERS}),
        wish=DeviceWish("NPU"),
    )
    plan = await plan_of(request, picture(starter_folder))
    assert (plan.facts.requested_tokens, plan.facts.num_ctx) == (20, 64)
    assert plan.route.reason == Reason.REQUESTED_DEVICE
    assert dict(plan.route.passed_over)["NPU"] == Reason.NEED_UNSUPPORTED
    assert [(c.device, c.capacity) for c in plan.route.candidates] == [("CPU", 64)]


@pytest.mark.parametrize("need", [Need.SEVERAL_ANSWERS, Need.LOGPROBS, Need.BEAMS])
async def test_what_the_static_pipeline_cannot_do_goes_to_the_cpu(starter_folder, need):
    plan = await plan_of(ask(needs=frozenset({need})), picture(starter_folder))
    assert [candidate.device for candidate in plan.route.candidates] == ["CPU"]


@pytest.mark.parametrize("need", [Need.TOOLS, Need.SCHEMA])
async def test_tools_and_schemas_work_on_the_npu(starter_folder, need):
    plan = await plan_of(ask(needs=frozenset({need})), picture(starter_folder))
    assert plan.route.candidates[0].device == "NPU"


async def test_a_model_without_eyes_reads_images_nowhere(starter_folder):
    request = ask(needs=frozenset({Need.IMAGES}))
    with pytest.raises(CapabilityMissing):
        await plan_of(request, picture(starter_folder))
    seeing = picture(starter_folder, capabilities=("completion", "vision"))
    assert [c.device for c in (await plan_of(request, seeing)).route.candidates] == ["CPU"]


async def test_passports_and_load_reach_the_router(starter_folder):
    times = (BucketInfo(100, 0.5, 20.0),)
    snapshot = picture(
        starter_folder,
        PassportInfo(MODEL, "NPU", True, "", 1024, 40.0, 6.0, 1, times),
        PassportInfo(MODEL, "CPU", True, "", 4096, 2.0, 2.0, 1, times),
        mode="measured",
    )
    asked = []

    def load_of(model: str, device: str) -> PairLoad:
        asked.append((model, device))
        return PairLoad("ready" if device == "CPU" else "cold")

    plan = await plan_of(ask(sampling=Sampling(max_tokens=10)), snapshot, load_of)
    assert asked == [(MODEL, "NPU"), (MODEL, "GPU"), (MODEL, "CPU")]
    assert {c.device: c.predicted_seconds for c in plan.route.candidates} == {
        "CPU": 1.0,
        "NPU": 7.0,
    }
    assert plan.route.candidates[0].device == "CPU"


async def test_the_models_own_threshold_counts_before_the_owners(starter_folder):
    snapshot = picture(starter_folder, token_limit=3)
    plan = await plan_of(ask("one two three four five"), snapshot)
    assert plan.route.reason == Reason.OVER_TOKEN_LIMIT
    assert plan.route.candidates[0].device == "CPU"


async def test_a_disabled_device_and_a_missing_variant_are_told_apart(starter_folder):
    only_npu = picture(starter_folder).models[MODEL].variants[0]
    snapshot = picture(
        starter_folder,
        devices=(replace(NPU, enabled=False), CPU),
        variants=(replace(only_npu, device_classes=("NPU",)),),
    )
    with pytest.raises(NoDevice) as refusal:
        await plan_of(ask(), snapshot)
    assert refusal.value.chain == (("NPU", "device_disabled"), ("CPU", "variant_missing"))


async def test_a_text_far_over_every_limit_is_refused_before_all_of_it_is_read(starter_folder):
    with pytest.raises(PromptTooLong, match="at least"):
        await plan_of(ask("word " * 200_000), picture(starter_folder))


@pytest.mark.parametrize("ids", [(-1,), (49152,)])
async def test_context_of_another_model_is_refused(starter_folder, ids):
    with pytest.raises(InvalidRequest) as refusal:
        await plan_of(ask(context_ids=ids), picture(starter_folder))
    assert refusal.value.field == "context"


async def test_a_coder_is_asked_for_what_stands_between_two_texts(tmp_path):
    tokenizer = Tokenizer(WordLevel({"x": 0}, unk_token="x"))
    tokenizer.add_special_tokens(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    request = ask("def add(", suffix="return a + b")
    coder = picture(tmp_path, name="tiny-coder").models[MODEL]

    prompt = await planning.read_prompt(request, coder)

    assert prompt.text == "<fim_prefix>def add(<fim_suffix>return a + b<fim_middle>"
    with pytest.raises(CapabilityMissing, match="does not support insert"):
        await planning.read_prompt(request, picture(tmp_path).models[MODEL])
