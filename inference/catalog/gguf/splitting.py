"""How each family of byte-level tokenizers cuts text into words before merging.

A GGUF file only names its way of cutting (tokenizer.ggml.pre); the regular expressions behind the
names are those of the models' own tokenizer.json files. A name that is not listed here is refused,
because ids that are almost right give a model that is almost right.
"""

from typing import Final

from inference.catalog.gguf.errors import UnsupportedModel

_CONTRACTION: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_TAIL: Final = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER: Final = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER: Final = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"

_GPT2: Final = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_GPT2_DIGITS: Final = (r"\p{N}", _GPT2)


def _by_letters(digits: str, contraction: str = _CONTRACTION + "|") -> str:
    """Words, then digit groups, then punctuation with the line breaks that follow it."""
    punctuation = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
    return rf"{contraction}[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}|{punctuation}|{_TAIL}"


def _by_case(digits: str, contraction: str) -> str:
    """As above, but words also end where a capital follows a small letter."""
    lead = r"[^\r\n\p{L}\p{N}]?"
    words = rf"{lead}{_UPPER}*{_LOWER}+{contraction}|{lead}{_UPPER}+{_LOWER}*{contraction}"
    return rf"{words}|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_TAIL}"


_LLAMA3: Final = _by_letters(r"\p{N}{1,3}")
_QWEN2: Final = _by_letters(r"\p{N}")
_QWEN35: Final = (
    _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + _TAIL
)
_SEED: Final = _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|" + _TAIL
_DEEPSEEK3: Final = (
    r"\p{N}{1,3}",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|" + _TAIL,
)

_EXPRESSIONS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("gpt-2", "mpt", "olmo", "jais", "trillion", "exaone4"), (_GPT2,)),
    **dict.fromkeys(
        ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b",
         "mellum2"),
        _GPT2_DIGITS,
    ),
    **dict.fromkeys(
        ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "dbrx",
         "smaug-bpe", "glm4", "chatglm-bpe", "lfm2", "pixtral"),
        (_LLAMA3,),
    ),
    **dict.fromkeys(
        ("qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez", "grok-2", "solar-open"),
        (_QWEN2,),
    ),
    **dict.fromkeys(("deepseek-v3", "hunyuan-dense"), _DEEPSEEK3),
    "qwen35": (_QWEN35,),
    "seed-coder": (_SEED,),
    "tekken": (_by_case(r"\p{N}", ""),),
    "gpt-4o": (_by_case(r"\p{N}{1,3}", _CONTRACTION + "?"),),
    "minimax-m2": (_by_case(r"\p{N}{1,3}", _CONTRACTION + "?"),),
}  # fmt: skip

# Word lists that are to be looked up whole before any merging is tried.
_LOOKS_UP_WHOLE_WORDS: Final = frozenset(
    {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "lfm2",
     "tekken", "gpt-4o"}
)  # fmt: skip


def expressions_for(name: str | None) -> tuple[str, ...]:
    """The regular expressions of tokenizer.ggml.pre, applied one after the other.

    Every match becomes a word, and so does everything between two matches. Raises
    UnsupportedModel for names that are not known.
    """
    try:
        return _EXPRESSIONS[name or ""]
    except KeyError:
        raise UnsupportedModel(
            f"This model's tokenizer cuts words in a way that is not known here ({name})."
        ) from None


def looks_up_whole_words(name: str | None) -> bool:
    """Whether a word that is in the vocabulary is taken as it is, whatever the merges say."""
    return name in _LOOKS_UP_WHOLE_WORDS
