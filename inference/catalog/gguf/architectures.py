"""The architectures that can be imported, what sets each apart, and why the others cannot.

Everything in the first table has been held against llama.cpp's answers (tests/catalog, and
docs/gguf.md for the reader). OpenVINO's frontend takes further names; what it makes of them is not
vouched for here, and a model that is almost right is worse than none.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Architecture:
    """What cannot be read off a file's keys and tensors."""

    model_type: str  # the names that Hugging Face gives it; some GenAI paths look at them
    model_class: str
    rotates_neighbours: bool = False  # channels (0,1), (2,3), …; otherwise i with i + D/2
    is_gelu: bool = False  # the feed-forward gate; otherwise SiLU
    scales_embeddings: bool = False  # by the root of the width
    norms_rotated_heads: bool = False  # queries and keys are normalised after their rotation
    windowed_of: int = 0  # of so many layers all but the last see a window only; 0: none
    local_base: float | None = None  # base of the rotation in windowed layers, if it is their own
    rotated_of: int = 0  # of so many layers all but the last are rotated; 0: all are
    refuses_windows: bool = False  # with windows its layers differ in more than what they see
    frontend_name: str | None = None  # under which the frontend reads the weights, if another


ARCHITECTURES: Final[dict[str, Architecture]] = {
    "llama": Architecture("llama", "LlamaForCausalLM", rotates_neighbours=True),
    "mistral3": Architecture("mistral", "MistralForCausalLM", rotates_neighbours=True),
    "qwen2": Architecture("qwen2", "Qwen2ForCausalLM"),
    "qwen3": Architecture("qwen3", "Qwen3ForCausalLM"),
    "gemma": Architecture("gemma", "GemmaForCausalLM", is_gelu=True, scales_embeddings=True),
    "gemma3": Architecture(
        "gemma3_text", "Gemma3ForCausalLM", is_gelu=True, scales_embeddings=True, windowed_of=6,
        local_base=10000.0,
    ),
    "phi3": Architecture("phi3", "Phi3ForCausalLM"),
    "granite": Architecture(
        "granite", "GraniteForCausalLM", rotates_neighbours=True, frontend_name="llama"
    ),
    "minicpm": Architecture("minicpm", "MiniCPMForCausalLM", rotates_neighbours=True),
    "smollm3": Architecture(
        "smollm3", "SmolLM3ForCausalLM", rotates_neighbours=True, rotated_of=4
    ),
    "hunyuan-dense": Architecture(
        "hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM", norms_rotated_heads=True
    ),
    "exaone4": Architecture("exaone4", "Exaone4ForCausalLM", refuses_windows=True),
    "maincoder": Architecture(
        "maincoder", "MaincoderForCausalLM", rotates_neighbours=True, norms_rotated_heads=True
    ),
    "ernie4_5": Architecture(
        "ernie4_5", "Ernie4_5ForCausalLM", rotates_neighbours=True, frontend_name="llama"
    ),
    "olmo2": Architecture("olmo2", "Olmo2ForCausalLM", frontend_name="exaone4"),
    "seed_oss": Architecture("seed_oss", "SeedOssForCausalLM", frontend_name="qwen2"),
}  # fmt: skip

_EXPERTS: Final = "it is a mixture of experts"
_RECURRENT: Final = "its layers keep recurrent states"
_ENCODER: Final = "it does not generate text; take the model's own files instead"
_SEES: Final = "it reads images or sound"
_OTHER: Final = "its layers are built in a way that has not been proved here"

_REFUSED: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("qwen2moe", "qwen3moe", "olmoe", "gpt-oss", "glm4moe", "ernie4_5-moe", "hunyuan-moe",
         "bailingmoe", "bailingmoe2", "exaone-moe", "minimax-m2", "mellum", "deepseek", "deepseek2",
         "granitemoe", "phimoe", "dbrx", "arctic", "grok", "llama4", "dots1", "grovemoe",
         "smallthinker", "afmoe", "lfm2moe", "nomic-bert-moe", "qwen3next", "qwen35moe"),
        _EXPERTS,
    ),
    **dict.fromkeys(
        ("mamba", "mamba2", "jamba", "falcon-h1", "granitehybrid", "nemotron_h", "nemotron_h_moe",
         "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7", "plamo2", "lfm2", "qwen35", "kimi-linear"),
        _RECURRENT,
    ),
    **dict.fromkeys(
        ("bert", "modern-bert", "nomic-bert", "neo-bert", "jina-bert-v2", "jina-bert-v3", "t5",
         "t5encoder", "llama-embed", "gemma-embedding", "eurobert"),
        _ENCODER,
    ),
    **dict.fromkeys(
        ("clip", "mmproj", "qwen2vl", "qwen3vl", "qwen3vlmoe", "deepseek2-ocr", "wavtokenizer-dec",
         "cogvlm", "chameleon", "paddleocr", "hunyuan_vl"),
        _SEES,
    ),
    "gemma2": "it caps its attention softly, which the engines' attention cannot do",
    **dict.fromkeys(("gemma4", "gemma3n"), "it has embeddings of its own in every layer"),
}  # fmt: skip


def reason_against(name: str) -> str | None:
    """Why a model of this architecture cannot be imported; None when it can."""
    if name in ARCHITECTURES:
        return None
    reason = _REFUSED.get(name, _OTHER)
    return f"Models of the architecture {name[:40]!r} cannot be imported: {reason}."
