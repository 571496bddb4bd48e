"""Compressed bodies: what comes out is what went in, bounded, or a refusal that says why."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import httpx
import pytest
import zstandard

from apis.faults import BodyTooLarge
from apis.limits import MAX_UNPACKED_BYTES
from apis.unpacking import encoding_of, unpack
from inference.errors import InvalidRequest
from tests.apis.conftest import MODEL

TEXT = b'{"model": "x", "input": "' + bytes(range(97, 123)) * 5000 + b'"}'
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}


def zstd(data: bytes, **options: int) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(data)


def zstd_streamed(data: bytes, window_log: int = 20) -> bytes:
    """As a client writes it that does not know the length yet."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=window_log, write_content_size=0
    )
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return writer.compress(data) + writer.flush()


ENDLESS = b"\x28\xb5\x2f\xfd\x00\x58" + (2**17 << 3 | 0b010).to_bytes(3, "little") + b" "
"""A frame of which every further block of four bytes says 131,072 blanks."""
BOMB = ENDLESS[:6] + ENDLESS[6:] * 50_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, ""),
        (zstd(TEXT), "zstd"),
        (zstd(TEXT, level=19), "zstd"),
        (zstd_streamed(TEXT), "zstd"),
        (zstd_streamed(TEXT, window_log=23), "zstd"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), "x-gzip"),
        (zlib.compress(TEXT), "deflate"),
        (TEXT, "zstd"),
        (TEXT, "br"),
    ],
    ids=[
        "none",
        "zstd",
        "zstd 19",
        "zstd streamed",
        "zstd, largest window",
        "gzip",
        "x-gzip",
        "deflate",
        "JSON that claims to be zstd",
        "JSON that claims to be br",
    ],
)
def test_what_was_packed_comes_out_again(body: bytes, encoding: str) -> None:
    assert unpack(body, encoding) == TEXT


def test_an_empty_body_stays_empty() -> None:
    assert unpack(b"", "zstd") == b""


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [
        (zstd(TEXT)[:-20], "zstd", "ends too early"),
        (gzip.compress(TEXT)[:-20], "gzip", "ends too early"),
        (b"nothing of the kind", "zstd", "not zstd"),
        (b"nothing of the kind", "gzip", "not gzip"),
        (gzip.compress(TEXT), "zstd", "not zstd"),
        (zstd_streamed(TEXT, window_log=24), "zstd", "too much memory"),
        (b"\x0b\x02\x80", "br", "use zstd, gzip, deflate or none"),
        (zstd(TEXT), "zstd, gzip", "use zstd, gzip, deflate or none"),
    ],
)
def test_what_cannot_be_unpacked_is_refused_with_a_reason(
    body: bytes, encoding: str, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says) as refusal:
        unpack(body, encoding)
    assert refusal.value.field == "Content-Encoding"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BOMB, "zstd"),
        (zstd(bytes(4 * MAX_UNPACKED_BYTES)), "zstd"),
        (gzip.compress(bytes(4 * MAX_UNPACKED_BYTES)), "gzip"),
        (
            zlib.compress(gzip.compress(bytes(MAX_UNPACKED_BYTES)) + bytes(MAX_UNPACKED_BYTES)),
            "deflate",
        ),
    ],
    ids=["zstd without end", "zstd", "gzip", "deflate"],
)
def test_a_bomb_costs_little_more_than_the_cap(body: bytes, encoding: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            unpack(body, encoding)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * MAX_UNPACKED_BYTES


def test_a_body_of_just_the_cap_is_taken() -> None:
    whole = b" " * MAX_UNPACKED_BYTES

    assert unpack(zstd(whole), "zstd") == whole
    assert unpack(gzip.compress(whole, 1), "gzip") == whole


@pytest.mark.parametrize(
    ("headers", "encoding"),
    [
        ([], ""),
        ([(b"content-encoding", b"identity")], ""),
        ([(b"accept", b"*/*"), (b"content-encoding", b" ZSTD ")], "zstd"),
    ],
)
def test_the_header_says_how_a_body_is_packed(
    headers: list[tuple[bytes, bytes]], encoding: str
) -> None:
    assert encoding_of(headers) == encoding


def packed(body: bytes, encoding: str = "zstd") -> dict[str, object]:
    return {"content": body, "headers": {"Content-Encoding": encoding}}


def test_every_family_takes_packed_bodies(client: httpx.Client) -> None:
    body = httpx.Request("POST", "http://x", json=CHAT).read()

    answers = [
        client.post("/v1/chat/completions", **packed(zstd(body))),  # type: ignore[arg-type]
        client.post("/v1/chat/completions", **packed(gzip.compress(body), "gzip")),  # type: ignore[arg-type]
        client.post("/api/show", **packed(zstd(body))),  # type: ignore[arg-type]
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_refusals_have_the_familys_shape_and_leave_the_connection_usable(
    client: httpx.Client,
) -> None:
    damaged = client.post("/v1/responses", **packed(b"\x28\xb5\x2f\xfd\xff"))  # type: ignore[arg-type]
    bomb = client.post("/v1/responses", **packed(BOMB))  # type: ignore[arg-type]
    ollamas = client.post("/api/chat", **packed(BOMB))  # type: ignore[arg-type]
    again = client.get("/api/version")

    assert damaged.status_code == 400
    assert damaged.json()["error"]["param"] == "Content-Encoding"
    assert (bomb.status_code, bomb.json()["error"]["code"]) == (413, "body_too_large")
    assert (ollamas.status_code, list(ollamas.json())) == (413, ["error"])
    ports = {
        it.extensions["network_stream"].get_extra_info("client_addr")
        for it in (damaged, bomb, ollamas, again)
    }
    assert len(ports) == 1, "the same connection"
