"""What can be wrong with a GGUF file, in words for the person who chose it.

The messages end up on the console's pages, so they name no paths and no internals.
"""


class GgufError(Exception):
    """A GGUF file cannot be imported; str() is a sentence for the user."""


class CorruptFile(GgufError):
    """The file is not GGUF, is truncated, or contradicts itself. Fetching it again may help."""


class UnsupportedModel(GgufError):
    """The file is sound, but holds an architecture or tokenizer that cannot be served here."""
