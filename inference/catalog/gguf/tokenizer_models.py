"""A tokenizer as the two OpenVINO models that GenAI loads: text to ids, and ids to text.

openvino-tokenizers converts tokenizers of the `transformers` library only, which would bring
gigabytes of dependencies for a conversion of plain data; but its building blocks are independent
of it, and this module puts them together.
"""

import re
from typing import Any, Final

import openvino as ov
from openvino import opset15 as ops
from openvino_tokenizers import __version__ as tokenizers_version
from openvino_tokenizers.constants import UTF8ReplaceMode
from openvino_tokenizers.tokenizer_pipeline import (
    AddToken,
    BPETokenizationStep,
    ByteFallbackStep,
    BytesToCharsStep,
    CharsToBytesStep,
    CombineSegmentsStep,
    FuseStep,
    PaddingStep,
    RegexDecodingStep,
    RegexNormalizationStep,
    RegexSplitStep,
    Sequence,
    SpecialToken,
    SpecialTokensSplit,
    TokenizerPipeline,
    TruncationStep,
    UTF8ValidateStep,
    VocabDecoderStep,
)

from inference.catalog.gguf.tokenizer import Tokenizer

_GUARD: Final = "\ue0f0"  # a character for private use, taken out again after decoding
_NO_LIMIT: Final = 2**31 - 1 - 64  # larger values overflow in GenAI 2026.4


def build_tokenizer_models(
    tokenizer: Tokenizer, chat_template: str | None
) -> tuple[ov.Model, ov.Model]:
    """Return (tokenizer model, detokenizer model) with the ids GenAI reads from them.

    The tokenizer model gives i64 [B, S] ids, padded on the left as decoders want it, and their
    attention mask. Special tokens in the text are recognised; a beginning token is added when the
    file says so, which GenAI's add_special_tokens switches off.
    """
    pipeline = TokenizerPipeline()
    for step in _encoding_steps(tokenizer) + _decoding_steps(tokenizer):
        pipeline.add_steps(step)
    pipeline.vocab = list(tokenizer.vocabulary)
    encoder = _with_wide_ids(_without_token_types(pipeline.get_tokenizer_ov_subgraph()))
    decoder = _with_wide_ids(pipeline.get_detokenizer_ov_subgraph())
    for model in (encoder, decoder):
        _record_ids(model, tokenizer, chat_template)
    return encoder, decoder


def _encoding_steps(tokenizer: Tokenizer) -> list[Any]:
    """Text to ids, in the order the pipeline runs them."""
    texts = {i: tokenizer.vocabulary[i] for i in tokenizer.added_ids}
    steps: list[Any] = [SpecialTokensSplit([SpecialToken(text) for text in texts.values()])]
    if tokenizer.is_byte_level:
        # Not mergeable: one joined expression would match from an earlier character than two
        # expressions applied one after the other.
        steps += [
            RegexSplitStep(expression, behaviour="isolate", mergeable=False)
            for expression in tokenizer.expressions
        ]
        steps.append(BytesToCharsStep())
    else:
        if tokenizer.adds_space:
            steps.append(RegexNormalizationStep.prepend_regex("▁"))
        steps.append(RegexNormalizationStep.replace_spaces_metaspace())
    model = tokenizer.description["model"]
    steps.append(
        BPETokenizationStep(
            vocab=list(tokenizer.vocabulary),
            merges=[tuple(merge) for merge in model["merges"]],
            unk_token=model["unk_token"] or "",
            fuse_unk=model["fuse_unk"],
            byte_fallback=model["byte_fallback"],
            added_tokens={text: i for i, text in texts.items()},
        )
    )
    parts: list[Any] = [Sequence(token_type_id=0)]
    if tokenizer.adds_bos and tokenizer.bos_id is not None:
        text = tokenizer.vocabulary[tokenizer.bos_id]
        parts.insert(0, AddToken(token_type_id=0, token=text, _token_id=tokenizer.bos_id))
    # GenAI tells text from special tokens by this step, although nothing is ever cut here.
    steps.append(TruncationStep(max_length=_NO_LIMIT, truncate_right=True, truncation=False))
    steps.append(CombineSegmentsStep(parts))
    steps.append(PaddingStep(_token_id=tokenizer.pad_id or 0, pad_right=False))
    return steps


def _decoding_steps(tokenizer: Tokenizer) -> list[Any]:
    """Ids to text; bytes that are no UTF-8 become replacement characters."""
    skipped = list(tokenizer.special_ids)
    if tokenizer.is_byte_level:
        steps = [VocabDecoderStep(skip_tokens=skipped), CharsToBytesStep()]
        return [*steps, UTF8ValidateStep(mode=UTF8ReplaceMode.REPLACE)]
    texts = [_guarded(text) for text in tokenizer.vocabulary]
    is_guarded = texts != tokenizer.vocabulary
    steps = [
        VocabDecoderStep(vocab=texts if is_guarded else None, skip_tokens=skipped),
        RegexDecodingStep.replace_sp_spaces(),
        ByteFallbackStep(),
        FuseStep(),
    ]
    if is_guarded:
        steps.append(RegexDecodingStep(_GUARD, ""))
    if tokenizer.adds_space:
        steps.append(RegexDecodingStep.strip_forward_space())
    return [*steps, UTF8ValidateStep(mode=UTF8ReplaceMode.REPLACE)]


def _guarded(text: str) -> str:
    """`text`, longer if the byte fallback (openvino-tokenizers 2026.4) would take it for a byte:
    it does so with everything of six characters in angle brackets, such as <code>."""
    is_byte = re.fullmatch(r"<0x[0-9A-F]{2}>", text)
    looks_like_byte = len(text.encode()) == 6 and text.startswith("<") and text.endswith(">")
    return text + _GUARD if looks_like_byte and not is_byte else text


def _without_token_types(model: ov.Model) -> ov.Model:
    """Keep ids and mask; which segment a token belongs to is no business of a decoder."""
    wanted = [output for output in model.outputs if "token_type_ids" not in output.get_names()]
    return ov.Model(wanted, model.get_sinks(), model.get_parameters(), model.get_friendly_name())


def _with_wide_ids(model: ov.Model) -> ov.Model:
    """Let ids come and go as i64, where the tokenizer's operations compute with i32.

    Not done by OpenVINO's own pre-processing, because that folds constants, among them the switch
    by which GenAI chooses whether special tokens are shown (openvino-tokenizers 2026.4).
    """
    for result in model.get_results():
        value = result.input_value(0)
        if value.get_element_type() == ov.Type.i32:
            names = value.get_names()
            value.get_tensor().set_names(set())
            wide = ops.convert(value, "i64").output(0)
            wide.get_tensor().set_names(names)
            result.input(0).replace_source_output(wide)
    for parameter in model.get_parameters():
        if parameter.get_element_type() == ov.Type.i32:
            readers = parameter.output(0).get_target_inputs()
            narrow = ops.convert(parameter, "i32").output(0)
            for reader in readers:
                reader.replace_source_output(narrow)
            parameter.set_element_type(ov.Type.i64)
    model.validate_nodes_and_infer_types()
    return model


def _record_ids(model: ov.Model, tokenizer: Tokenizer, chat_template: str | None) -> None:
    """Write what GenAI looks up in the models themselves."""
    ids = {
        "bos_token_id": tokenizer.bos_id,
        "eos_token_id": next(iter(tokenizer.eos_ids), None),
        "pad_token_id": tokenizer.pad_id,
        "chat_template": chat_template,
        # Without it GenAI takes the models for old ones, without switches for special tokens.
        "openvino_tokenizers_version": tokenizers_version,
    }
    for name, value in ids.items():
        if value is not None:
            model.set_rt_info(value, name)
