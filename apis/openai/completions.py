"""/v1/completions: texts or token ids in, what follows them out.

A prompt goes to the model word for word: no chat template, and nothing is looked for in the answer.
"""

from __future__ import annotations

from django.http.response import HttpResponseBase

from apis.calls import Call
from apis.openai.choices import answer_several, variant
from apis.openai.completions_frames import CompletionFrames, Echo
from apis.openai.completions_translation import MOST_ANSWERS, completion_requests, read_prompts
from apis.openai.parameters import read_choices
from apis.openai.schemas import CompletionBody
from apis.openai.sse import UsageWish
from apis.streams import answer
from apis.wishes import Asked
from inference import dispatch
from inference.errors import InvalidRequest
from inference.requests import GenerationRequest
from inference.snapshot import ModelInfo


async def create(
    call: Call, body: CompletionBody, asked: Asked, model: ModelInfo
) -> HttpResponseBase:
    """Answer: `n` choices for each prompt, in the prompts' order. Raises InferenceError before the
    first frame."""
    prompts, choices = read_prompts(body.prompt, model), read_choices(body)
    if len(prompts) * choices > MOST_ANSWERS:
        raise InvalidRequest(
            f"prompt: at most {MOST_ANSWERS} answers in one request", field="prompt"
        )
    wanted = completion_requests(call, body, asked, prompts)
    frames = CompletionFrames(
        call.request_id,
        body.name,
        usage=UsageWish.of(body.stream_options),
        logprobs=body.logprobs,
        choices=choices,
        echoes=[await _echo(one, model, body) for one in wanted] if body.echo else (),
    )
    requests = [
        variant(one, place * choices + number, seed_step=number)
        for place, one in enumerate(wanted)
        for number in range(choices)
    ]
    if len(requests) > 1:
        return await answer_several(call, requests, frames, stream=body.stream is True)
    return await answer(
        call,
        requests[0],
        lambda generation: frames.choice(0, generation, is_alone=True),
        stream=body.stream is True,
    )


async def _echo(request: GenerationRequest, model: ModelInfo, body: CompletionBody) -> Echo:
    """The prompt as the answer's text begins with it; its tokens where log probabilities are."""
    if not request.context_ids and body.logprobs is None:
        return Echo(request.prompt or "")
    spelled = await dispatch.spell(model.name, request.context_ids or request.prompt or "")
    return Echo(spelled.text, spelled.tokens)
