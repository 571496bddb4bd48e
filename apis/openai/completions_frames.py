"""What clients of /v1/completions get: SSE chunks and single objects of one shape."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apis.openai.answer_parts import FINGERPRINT, counts
from apis.openai.choices import Progress
from apis.openai.errors import JSON
from apis.openai.sse import DONE, SSE, UsageWish, error_event, event
from apis.streams import Answer
from inference.errors import InferenceError
from inference.requests import Finished, TextDelta, ThinkingDelta, TokenLogprob, ToolCall


@dataclass(frozen=True, slots=True)
class Echo:
    """A prompt that its answer begins with; `tokens` are the texts of its tokens, where log
    probabilities are wanted."""

    text: str = ""
    tokens: tuple[str, ...] = ()


class CompletionFrames:
    """What goes out for one request: one id and one time for all of it. `choices` answers belong to
    each prompt; `echoes` has an entry for every prompt that is to be echoed."""

    stream_type = SSE
    answer_type = JSON

    def __init__(
        self,
        request_id: str,
        model: str,
        *,
        usage: UsageWish = UsageWish(),
        logprobs: int | None = None,
        choices: int = 1,
        echoes: Sequence[Echo] = (),
    ) -> None:
        self.usage = usage
        self._logprobs = logprobs
        self._choices = choices
        self._echoes = echoes
        self._shared = {
            "id": f"cmpl-{request_id.removeprefix('req_')}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": FINGERPRINT,
        }

    def choice(self, index: int, progress: Progress, *, is_alone: bool = False) -> CompletionChoice:
        """The writer of one of the answers."""
        return CompletionChoice(self, index, progress, is_alone=is_alone)

    def end(self, finished: Sequence[Finished]) -> bytes:
        """What follows the last chunk of the last answer: the usage if it is wanted, the end
        mark."""
        if not self.usage.at_end:
            return DONE
        return event({**self._shared, "choices": [], "usage": self._usage_of(finished)}) + DONE

    def failed(self, error: InferenceError) -> bytes:
        """The error as an event; no end mark follows."""
        return error_event(error)

    def whole(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """The object of answers that are not streamed."""
        choices = []
        for index, answer in enumerate(answers):
            echo = self.echo(index)
            choices.append(
                {
                    "text": echo.text + answer.text,
                    "index": index,
                    "logprobs": self.new_logprobs().of(answer.logprobs, echo),
                    "finish_reason": str(answer.finished.reason),
                }
            )
        usage = self._usage_of([answer.finished for answer in answers])
        return {**self._shared, "choices": choices, "usage": usage}

    def echo(self, index: int) -> Echo:
        """What that answer begins with."""
        return self._echoes[index // self._choices] if self._echoes else Echo()

    def new_logprobs(self) -> LegacyLogprobs:
        """For one answer."""
        return LegacyLogprobs(self._logprobs)

    def chunk(self, choice: dict[str, Any], progress: Progress) -> bytes:
        """An event with a piece of one of the answers."""
        data = {**self._shared, "choices": [choice]}
        if self.usage.continuous:
            data["usage"] = counts(len(progress.prompt_ids), len(progress.completion_ids))
        elif self.usage.at_end:
            data["usage"] = None
        return event(data)

    def _usage_of(self, finished: Sequence[Finished]) -> dict[str, int]:
        """A prompt that was answered several times counts once."""
        prompt = sum(one.prompt_tokens for one in finished[:: self._choices])
        return counts(prompt, sum(one.completion_tokens for one in finished))


class CompletionChoice:
    """The chunks of one answer. One that is alone also ends the stream."""

    stream_type = SSE
    answer_type = JSON

    def __init__(
        self, frames: CompletionFrames, index: int, progress: Progress, *, is_alone: bool
    ) -> None:
        self._frames = frames
        self._index = index
        self._progress = progress
        self._is_alone = is_alone
        self._logprobs = frames.new_logprobs()

    def opening(self) -> bytes:
        """The prompt, if it is to be echoed."""
        echo = self._frames.echo(self._index)
        return self._chunk(echo.text, self._logprobs.of((), echo)) if echo.text else b""

    def text(self, delta: TextDelta) -> bytes:
        """One chunk of text."""
        return self._chunk(delta.text, self._logprobs.of(delta.logprobs))

    def thinking(self, delta: ThinkingDelta) -> bytes:
        """Nothing: a text that no chat template made has no reasoning."""
        return b""

    def tool_call(self, call: ToolCall) -> bytes:
        """Nothing, for the same reason."""
        return b""

    def ping(self) -> bytes:
        """A chunk without text."""
        return self._chunk("")

    def finished(self, finished: Finished) -> bytes:
        """The chunk with the reason; of an answer that is alone, all that ends the stream."""
        chunk = self._chunk("", reason=str(finished.reason))
        return chunk + self._frames.end([finished]) if self._is_alone else chunk

    def failed(self, error: InferenceError) -> bytes:
        """The error as an event; no end mark follows."""
        return self._frames.failed(error)

    def whole(self, answer: Answer) -> dict[str, Any]:
        """The object of an answer that is not streamed."""
        return self._frames.whole([answer])

    def _chunk(
        self, text: str, logprobs: dict[str, Any] | None = None, reason: str | None = None
    ) -> bytes:
        choice = {
            "text": text,
            "index": self._index,
            "logprobs": logprobs,
            "finish_reason": reason,
        }
        return self._frames.chunk(choice, self._progress)


class LegacyLogprobs:
    """The four lists of one answer, as they grow. How likely the prompt's tokens were is not known,
    of other tokens that could have been chosen neither."""

    def __init__(self, count: int | None) -> None:
        self._count = count
        self._offset = 0

    def of(self, logprobs: Sequence[TokenLogprob], echo: Echo = Echo()) -> dict[str, Any] | None:
        """The lists for an echoed prompt and these tokens behind it; None if none are wanted."""
        if self._count is None:
            return None
        known = [(one.text, one.logprob) for one in logprobs]
        pairs: list[tuple[str, float | None]] = [*((text, None) for text in echo.tokens), *known]
        offsets = []
        for text, _ in pairs:
            offsets.append(self._offset)
            self._offset += len(text)
        alternatives = [None if value is None else {text: value} for text, value in pairs]
        return {
            "tokens": [text for text, _ in pairs],
            "token_logprobs": [value for _, value in pairs],
            "top_logprobs": alternatives if self._count else None,
            "text_offset": offsets,
        }
