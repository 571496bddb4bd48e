"""Bodies that clients send compressed (Content-Encoding). Pure; what comes out is bounded.

Codex sends zstd. What a few kilobytes unpack to may have no end, so both ways stop at the cap, and
neither reserves memory for what a header promises.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from apis.faults import BodyTooLarge
from apis.limits import MAX_UNPACKED_BYTES
from inference.errors import InvalidRequest

LONGEST_WINDOW_BYTES = 8 * 2**20
"""The memory a zstd decoder must offer, and the most that HTTP allows (RFC 9659)."""

_SLICE_BYTES = 256
"""Of zstd so much is fed at once: four bytes can stand for 128 kB, so one slice gives 8 MB at most.
Larger ones are no faster."""

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_JSON_BEGINS = b"{[ \t\r\n"


def encoding_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The Content-Encoding among an ASGI scope's headers, "" for none."""
    for name, value in headers:
        if name == b"content-encoding":
            encoding = value.decode("latin-1").strip().lower()
            return "" if encoding == "identity" else encoding
    return ""


def unpack(body: bytes, encoding: str) -> bytes:
    """The body as it was before its client compressed it. Blocks for some 20 ms at most.

    A body that is JSON all the same is taken as it is, whatever its header says. Raises
    BodyTooLarge, or InvalidRequest for one that is damaged or packed in another way.
    """
    if not body or not encoding:
        return body
    if body[0] in _JSON_BEGINS:
        return body
    if encoding == "zstd":
        return _unpack_zstd(body)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _unpack_zlib(body, encoding)
    raise InvalidRequest(
        f"Content-Encoding {encoding[:40]!r} is not known here, use zstd, gzip, deflate or none",
        field="Content-Encoding",
    )


def _unpack_zstd(body: bytes) -> bytes:
    import zstandard  # 8 ms, and few clients need it

    unpacker = zstandard.ZstdDecompressor(max_window_size=LONGEST_WINDOW_BYTES).decompressobj()
    pieces: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(body), _SLICE_BYTES):
            piece = unpacker.decompress(body[start : start + _SLICE_BYTES])
            size += len(piece)
            if size > MAX_UNPACKED_BYTES:
                raise BodyTooLarge(MAX_UNPACKED_BYTES)
            pieces.append(piece)
            if unpacker.eof:
                break
    except zstandard.ZstdError as error:
        raise _damaged("zstd", str(error)) from None
    if not unpacker.eof:
        raise _damaged("zstd", "it ends too early")
    return b"".join(pieces)


def _unpack_zlib(body: bytes, encoding: str) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        unpacked = unpacker.decompress(body, MAX_UNPACKED_BYTES + 1)
    except zlib.error as error:
        raise _damaged(encoding, str(error)) from None
    if len(unpacked) > MAX_UNPACKED_BYTES:
        raise BodyTooLarge(MAX_UNPACKED_BYTES)
    if not unpacker.eof:
        raise _damaged(encoding, "it ends too early")
    return unpacked


def _damaged(encoding: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"the request body is not {encoding}: {why}", field="Content-Encoding")
