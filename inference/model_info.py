"""From a model's row, and what lies in its folder, to what requests need to know of it.

Blocks on the disk; runs when the picture is built, so that no request derives anything anew.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from jinja2 import TemplateError

from inference import environment
from inference.catalog.folders import ModelsFolder
from inference.catalog.verification import is_quarantined
from inference.errors import InvalidRequest
from inference.models import Model, ModelVariant
from inference.presets import read_messages, read_num_ctx, read_preset
from inference.prompts.capabilities import Insertion, capabilities_of, insertion_of
from inference.prompts.go_templates import as_jinja
from inference.prompts.sandbox import names_in
from inference.snapshot import ModelInfo, VariantInfo

log = logging.getLogger(__name__)

LONGEST_TEMPLATE_BYTES = 1_000_000
SUFFIX = "suffix"
"""The variable of a chat template that can be given what is to follow the answer."""
_ORDER = ("completion", "tools", "insert", "vision", "embedding", "thinking")


def model_info(model: Model) -> ModelInfo:
    """That row, with its variants, as a value."""
    every = [_variant_info(variant) for variant in model.variants.all()]
    models = ModelsFolder(environment.models_folder(), environment.home())
    quarantined = [variant for variant in every if is_quarantined(variant.folder, models)]
    variants = tuple(variant for variant in every if variant not in quarantined)
    is_usable = bool(variants) or not quarantined
    template, shown = _templates_of(model, variants)
    insertion = insertion_of(_every_name(model), _vocabulary_of(variants))
    parameters = model.parameters if isinstance(model.parameters, Mapping) else {}
    return ModelInfo(
        id=model.pk,
        name=model.name,
        status=model.status if is_usable else Model.Status.FAILED.value,
        family=model.family,
        digest=model.digest,
        size_bytes=model.size_bytes,
        parameter_count=model.parameter_count,
        quantization=model.quantization,
        context_length=model.context_length,
        capabilities=_capabilities_of(model, template, insertion),
        modified_at=model.modified_at,
        variants=variants,
        facts=MappingProxyType(dict(model.facts or {})),
        chat_template=template,
        shown_template=shown,
        has_preset_template=bool(model.template) and shown == model.template,
        system=model.system,
        messages=read_messages(model.messages),
        preset=read_preset(parameters),
        num_ctx=read_num_ctx(parameters),
        parameters=MappingProxyType(dict(parameters)),
        parent=model.parent,
        insertion=insertion,
        license=model.license,
        keep_alive_seconds=model.keep_alive_seconds,
        token_limit=model.token_limit,
        quarantined=tuple(variant.weight_format for variant in quarantined),
    )


def _capabilities_of(model: Model, template: str, insertion: Insertion | None) -> tuple[str, ...]:
    """What the row says, and what chat template and tokenizer tell of a model that writes text."""
    stored = tuple(model.capabilities or ())
    if "completion" not in stored:
        return stored
    found = {*stored, *capabilities_of(template)}
    if insertion is not None or _takes_suffix(template):
        found.add("insert")
    known = [word for word in _ORDER if word in found]
    return (*known, *sorted(found - set(known)))


def _every_name(model: Model) -> str:
    """Copies may be called anything; what it was made from tells what it is."""
    facts = model.facts or {}
    return " ".join((model.name, model.parent, str(facts.get("name") or ""), model.source))


def _vocabulary_of(variants: tuple[VariantInfo, ...]) -> Iterator[str]:
    """The special tokens of the tokenizer; read only when somebody asks for the first."""
    for variant in variants:
        path = variant.folder / "tokenizer.json"
        try:
            yield from _special_tokens(path, path.stat().st_mtime_ns)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            log.warning("the special tokens of %s cannot be read", variant.folder.name)


@functools.lru_cache(maxsize=64)
def _special_tokens(path: Path, changed: int) -> frozenset[str]:
    """`changed` has a file that was replaced read again."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return frozenset(str(token["content"]) for token in content.get("added_tokens") or ())


def _takes_suffix(template: str) -> bool:
    try:
        return SUFFIX in names_in(template)
    except (TemplateError, RecursionError):
        return False


def _variant_info(variant: ModelVariant) -> VariantInfo:
    return VariantInfo(
        id=variant.pk,
        folder=environment.models_folder() / variant.folder,
        weight_format=variant.weight_format,
        size_bytes=variant.size_bytes,
        device_classes=tuple(variant.device_classes or ()),
    )


def _templates_of(model: Model, variants: tuple[VariantInfo, ...]) -> tuple[str, str]:
    """(the chat template as Jinja, the same as its owner wrote it)."""
    own = _template_beside(variants)
    if not model.template:
        return own, own
    try:
        return as_jinja(model.template), model.template
    except InvalidRequest as error:
        log.warning("the preset template of %s cannot be used: %s", model.name, error.message)
        return own, own


def _template_beside(variants: tuple[VariantInfo, ...]) -> str:
    """The chat template beside the weights, "" when no variant has one."""
    for variant in variants:
        text = _read_text(variant.folder / "chat_template.jinja")
        if text:
            return text
    return ""


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LONGEST_TEMPLATE_BYTES:
            log.warning("%s is too big for a chat template", path.name)
            return ""
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        log.warning("the chat template of %s cannot be read: %s", path.parent.name, error)
        return ""
