"""What can be wrong with a GGUF file, in words for the person who chose it.

The messages end up on the console's pages, so they name no paths and no internals.
"""

from inference.catalog.import_child import ImportRefused


class GgufError(ImportRefused):
    """A GGUF file cannot be imported; str() is a sentence for the user."""


class CorruptFile(GgufError):
    """The file is not GGUF, is truncated, or contradicts itself. Fetching it again may help."""

    retry = True


class UnsupportedModel(GgufError):
    """The file is sound, but holds an architecture or tokenizer that cannot be served here."""
