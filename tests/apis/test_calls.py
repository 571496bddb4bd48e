"""Who counts as one caller where requests wait in line."""

from __future__ import annotations

from apis.calls import Call


def turn_of(address: str, **headers: bytes) -> str:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    scope = {"method": "POST", "path": "/", "client": (address, 1), "headers": named}
    return Call.of(scope).turn


def test_callers_are_told_apart_by_address_and_by_key():
    turns = [
        turn_of("10.0.0.1"),
        turn_of("10.0.0.2"),
        turn_of("10.0.0.1", authorization=b"Bearer a"),
        turn_of("10.0.0.1", authorization=b"Bearer b"),
        turn_of("10.0.0.1", x_api_key=b"c"),
        turn_of("10.0.0.2", authorization=b"Bearer a"),
    ]
    assert len(set(turns)) == len(turns)
    assert turn_of("10.0.0.1", authorization=b"Bearer a") == turns[2]
    assert "Bearer" not in "".join(turns)
