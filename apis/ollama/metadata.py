"""Models as /api/tags, /api/ps and /api/show describe them, from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from apis import times
from inference import planning, snapshot
from inference.presets import OTHER_NAMES
from inference.prompts.capabilities import template_shown
from inference.prompts.go_templates import is_jinja
from inference.snapshot import ModelInfo, Snapshot
from inference.status import EngineStatus

FORMAT = "openvino"
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS

OLLAMAS_NAMES = {ours: theirs for theirs, ours in OTHER_NAMES.items()}
"""Presets may be under our names."""

FILE_TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "BF16": 32}
"""GGUF's numbers of the formats that have one."""


def list_models(picture: Snapshot) -> list[dict[str, Any]]:
    """The models that can be used, newest first."""
    ready = [model for model in picture.models.values() if model.status == "ready"]
    ready.sort(key=lambda model: model.modified_at, reverse=True)
    return [
        {
            "name": model.name,
            "model": model.name,
            "modified_at": times.rfc3339(model.modified_at),
            "size": model.size_bytes,
            "digest": digest_of(model),
            "details": details(model)
            | {
                "context_length": served_context(model, picture),
                "embedding_length": model.facts.get("embedding_length") or 0,
            },
            "capabilities": list(model.capabilities),
        }
        for model in ready
    ]


def list_running(engines: Iterable[EngineStatus], picture: Snapshot) -> list[dict[str, Any]]:
    """The loaded models, one entry each however many engines it has, longest remaining first.

    Ollama's clients read the share of `size_vram` in `size` as the share that is not on the CPU.
    """
    by_model: dict[str, list[EngineStatus]] = {}
    for engine in engines:
        if engine.state == "ready" and engine.model in picture.models:
            by_model.setdefault(engine.model, []).append(engine)
    now = datetime.now(UTC)
    entries = []
    for name, group in by_model.items():
        model = picture.models[name]
        expiries = [_expiry(engine, now, model, picture) for engine in group]
        last = None if None in expiries else max(expiry for expiry in expiries if expiry)
        entry = {
            "name": name,
            "model": name,
            "size": sum(engine.size_bytes for engine in group),
            "digest": digest_of(model),
            "details": details(model),
            "expires_at": times.FOREVER if last is None else times.rfc3339(last),
            "size_vram": sum(e.size_bytes for e in group if not e.device.startswith("CPU")),
            "context_length": max(engine.context_length for engine in group),
            "engines": [
                {
                    "device": engine.device,
                    "emulated": engine.emulated,
                    "expires_at": times.FOREVER if expiry is None else times.rfc3339(expiry),
                    "size": engine.size_bytes,
                    "context_length": engine.context_length,
                    "running": engine.running,
                    "queued": engine.queued,
                    "pid": engine.pid,
                    "memory_bytes": engine.memory_bytes,
                }
                for engine, expiry in zip(group, expiries, strict=True)
            ],
        }
        entries.append((last or datetime.max.replace(tzinfo=UTC), entry))
    entries.sort(key=lambda pair: pair[0], reverse=True)
    return [entry for _, entry in entries]


def describe(model: ModelInfo, asked_for: str, *, verbose: bool, copilot: bool) -> dict[str, Any]:
    """The answer of /api/show. Copilot shows `general.basename`: it gets the name asked for."""
    parameters = preset_lines(model.parameters)
    answer: dict[str, Any] = {
        "modelfile": modelfile(model, parameters),
        "parameters": "\n".join(f"{name:<30} {value}" for name, value in parameters),
        "template": shown_template(model),
        "details": details(model),
        "model_info": model_info(model, asked_for if copilot else None, verbose=verbose),
        "capabilities": list(model.capabilities),
        "modified_at": times.rfc3339(model.modified_at),
    }
    if model.license:
        answer["license"] = model.license
    if model.system:
        answer["system"] = model.system
    if model.messages:
        answer["messages"] = [
            {"role": turn.role, "content": turn.content} for turn in model.messages
        ]
    return answer


def shown_template(model: ModelInfo) -> str:
    """The chat template as its owner wrote it, with the word `tools` in it, by which some clients
    see that a model can be given any."""
    text = model.shown_template
    if is_jinja(text) or not text or "tools" in text:
        return template_shown(text)
    return "{{/* tools are described in the system message */}}" + text


def details(model: ModelInfo) -> dict[str, Any]:
    """What the CLI and web interfaces show of a model."""
    return {
        "parent_model": model.parent,
        "format": FORMAT,
        "family": model.family or "unknown",
        "families": [model.family or "unknown"],
        "parameter_size": human_number(model.parameter_count),
        "quantization_level": model.quantization or "unknown",
    }


def model_info(model: ModelInfo, basename: str | None, *, verbose: bool) -> dict[str, Any]:
    """The facts under GGUF's keys. The context is the one that is served: clients send it back."""
    facts, arch = model.facts, model.family or "unknown"
    info = {
        "general.architecture": arch,
        "general.basename": basename or facts.get("name") or model.name.partition(":")[0],
        "general.parameter_count": model.parameter_count,
        "general.file_type": FILE_TYPES.get(model.quantization.upper()),
        "general.quantization_version": 2,
        "general.license": facts.get("license") or model.license or None,
        f"{arch}.context_length": served_context(model, snapshot.current()),
        f"{arch}.embedding_length": facts.get("embedding_length"),
        f"{arch}.block_count": facts.get("block_count"),
        f"{arch}.feed_forward_length": facts.get("feed_forward_length"),
        f"{arch}.attention.head_count": facts.get("head_count"),
        f"{arch}.attention.head_count_kv": facts.get("head_count_kv"),
        f"{arch}.rope.freq_base": facts.get("rope_freq_base"),
        f"{arch}.vocab_size": facts.get("vocab_size"),
        "tokenizer.ggml.model": facts.get("tokenizer_model"),
        "tokenizer.ggml.pre": facts.get("tokenizer_pre"),
        "tokenizer.ggml.bos_token_id": facts.get("bos_token_id"),
        "tokenizer.ggml.eos_token_id": next(iter(facts.get("eos_token_ids") or ()), None),
        "tokenizer.ggml.padding_token_id": facts.get("pad_token_id"),
    }
    if verbose:
        info["npuconsole.trained_context_length"] = model.context_length
        info["npuconsole.weight_formats"] = [v.weight_format for v in model.variants]
    return {key: value for key, value in info.items() if value is not None}


def served_context(model: ModelInfo, picture: Snapshot) -> int:
    """The most tokens, prompt and answer together, that any usable device takes for that model."""
    usable = [d.capacity for d in planning.device_facts(model, picture) if d.unusable is None]
    return max(usable, default=model.context_length or 4096)


def preset_lines(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Preset parameters as a Modelfile has them; texts are quoted."""
    lines = []
    for name, value in sorted(parameters.items()):
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                lines.append((OLLAMAS_NAMES.get(name, name), _as_argument(item)))
    return lines


def modelfile(model: ModelInfo, parameters: list[tuple[str, str]]) -> str:
    """A Modelfile that would make this model again."""
    lines = [f"FROM {model.parent or model.name}"]
    if model.shown_template:
        lines.append(f'TEMPLATE """{model.shown_template}"""')
    if model.system:
        lines.append(f'SYSTEM """{model.system}"""')
    lines += [f"PARAMETER {name} {value}" for name, value in parameters]
    lines += [f'MESSAGE {turn.role} """{turn.content}"""' for turn in model.messages]
    if model.license:
        lines.append(f'LICENSE """{model.license}"""')
    return "\n".join(lines) + "\n"


def digest_of(model: ModelInfo) -> str:
    """64 digits that differ between models that behave differently: clients take models with one
    digest for one model. A copy has its original's."""
    turns = [(turn.role, turn.content) for turn in model.messages]
    template = model.shown_template if model.has_preset_template else ""
    presets = (model.system, template, turns)
    if not any(presets) and not model.parameters:
        return model.digest
    text = orjson.dumps((model.digest, presets, dict(model.parameters)), option=_SORTED)
    return hashlib.sha256(text).hexdigest()


def human_number(count: int) -> str:
    """A parameter count as Ollama writes it: 134.52M, 3.2B."""
    if count >= 1_000_000_000:
        return f"{count / 1e9:.1f}B".replace(".0B", "B")
    if count >= 1_000_000:
        return f"{count / 1e6:.2f}M".replace(".00M", "M")
    if count >= 1_000:
        return f"{count / 1e3:.0f}K"
    return str(count)


def _as_argument(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return f"{value:g}" if isinstance(value, float) else _quoted(str(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _expiry(
    engine: EngineStatus, now: datetime, model: ModelInfo, picture: Snapshot
) -> datetime | None:
    """None: never. An engine in use has no date yet; its time starts again when it is idle."""
    if engine.is_kept_forever:
        return None
    if engine.expires_at is not None:
        return engine.expires_at
    seconds = planning.keep_alive_of(None, model, picture)
    return None if seconds == float("inf") else now + timedelta(seconds=seconds)
