"""How much of anything one request may hold, so that none keeps the server from answering others.

No real client comes near these; what fits them may still be more than a model's context holds.
"""

from __future__ import annotations

MAX_BODY_BYTES = 32 * 2**20
"""A request's body. Pictures travel in it."""

MAX_UNPACKED_BYTES = 20 * 2**20
"""A body that came compressed, once it is unpacked: who packs it sends text."""

MAX_BLOB_BYTES = 256 * 2**30
"""An uploaded file, which goes to disk as it comes."""

LONGEST_TEMPLATE_CHARACTERS = 256 * 2**10
"""A chat template in a request: it is translated and compiled on the loop, 10 ms for this much."""

MOST_MESSAGES = 10_000
"""Messages of a conversation, and parts of a message. Each costs some 10 µs and several tokens."""

MOST_INPUTS = 8192
"""Texts to embed. Each costs at least a millisecond of an engine and 10 kB of the answer."""

MOST_TOOLS = 1_000
MOST_FILES = 1_000
MOST_OPTIONS = 200
LONGEST_SCHEMA_BYTES = 256 * 2**10
"""A JSON schema: the engine compiles it before the request runs."""

MOST_STOPS = 64
LONGEST_STOP_CHARACTERS = 4096
"""The engine looks for every stop string at every token, on behalf of all its requests."""
