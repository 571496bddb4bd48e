"""What can be wrong with an encoder's files, in words for the person who chose them."""

from __future__ import annotations

from inference.catalog.import_child import ImportRefused


class EncoderError(ImportRefused):
    """The files cannot be imported; str() is a sentence for the user."""


class CorruptFile(EncoderError):
    """A file is truncated or contradicts the others. Fetching it again may help."""

    retry = True


class UnsupportedEncoder(EncoderError):
    """The files are sound, but hold a model that cannot be served as a sentence encoder here."""
