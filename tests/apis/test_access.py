"""Who may call: host names, origins, preflights. Tables of the pure rules, then the real server."""

from __future__ import annotations

import httpx
import pytest

from apis.access import host_is_allowed, is_loopback, origin_is_allowed
from tests.apis.conftest import MODEL

OWN = ("localhost", "127.0.0.1", "[::1]", "box", ".example.org")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("", True),
        ("localhost", True),
        ("LOCALHOST:11434", True),
        ("localhost.", True),
        ("a.localhost:1", True),
        ("box", True),
        ("box.local", True),
        ("thing.internal", True),
        ("127.0.0.1:11434", True),
        ("[::1]:11434", True),
        ("0.0.0.0:1", True),
        ("192.168.1.5", True),
        ("10.0.0.1:80", True),
        ("[fd00::1]:80", True),
        ("ai.example.org", True),
        ("example.org", True),
        ("evil.com", False),
        ("evil.com:11434", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("boxy", False),
        ("8.8.8.8", False),
        ("evilexample.org", False),
        ("[", False),
    ],
)
def test_host_names(host: str, allowed: bool) -> None:
    assert host_is_allowed(host, OWN) is allowed


def test_an_owner_may_allow_any_host() -> None:
    assert host_is_allowed("evil.com", ("*",))


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True),
        ("https://localhost:3000", True),
        ("http://127.0.0.1:8080", True),
        ("http://0.0.0.0", True),
        ("http://[::1]:5173", True),
        ("http://tauri.localhost", True),
        ("app://obsidian.md", True),
        ("file://", True),
        ("tauri://localhost", True),
        ("vscode-webview://abc123", True),
        ("vscode-file://vscode-app", True),
        ("chrome-extension://abcdef", True),
        ("http://box:11434", True),  # a page that this server itself serves
        ("null", False),
        ("http://evil.com", False),
        ("http://localhost.evil.com", False),
        ("http://evil.com/http://localhost", False),
        ("http://localhost@evil.com", False),
        ("https://127.0.0.1.evil.com", False),
        ("http://box", False),
        ("", False),
    ],
)
def test_origins_of_pages(origin: str, allowed: bool) -> None:
    assert origin_is_allowed(origin, "box:11434") is allowed


def test_an_owner_may_allow_more_origins() -> None:
    assert origin_is_allowed("https://ui.example.org", "x", ("https://ui.example.org",))
    assert origin_is_allowed("https://any.thing", "x", ("*",))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_addresses(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_a_strangers_host_name_is_421(client: httpx.Client) -> None:
    answer = client.get("/api/tags", headers={"Host": "evil.com"})

    assert (answer.status_code, answer.text) == (421, "Host header not allowed")
    assert answer.headers["X-Request-ID"]


def test_a_strangers_page_is_403_even_with_a_simple_request(client: httpx.Client) -> None:
    """A form or a fetch without preflight reaches the server; it must do nothing for it."""
    answer = client.post(
        "/api/pull",
        content=b'{"model": "x"}',
        headers={"Origin": "https://evil.com", "Content-Type": "text/plain"},
    )

    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_local_page_may_call_and_read_our_headers(client: httpx.Client) -> None:
    answer = client.get("/api/version", headers={"Origin": "http://localhost:3000"})

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Vary"] == "Origin"


def test_a_local_page_may_read_every_header_that_we_send(client: httpx.Client) -> None:
    body = {"model": MODEL, "prompt": "x", "options": {"num_predict": 1, "mirostat": 1}}

    answer = client.post("/api/generate", json=body, headers={"Origin": "http://localhost"})

    exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(", ")
    own = [name for name in answer.headers if name.startswith(("x-npu-", "x-request-"))]
    assert len(own) >= 6
    assert set(own) <= set(exposed)
    assert "retry-after" in exposed


def test_errors_and_streams_carry_the_origin_too(client: httpx.Client) -> None:
    origin = {"Origin": "http://127.0.0.1:9"}
    body = {"model": MODEL, "prompt": "x", "options": {"num_predict": 1}}

    for answer in (
        client.post("/api/chat", json={}, headers=origin),
        client.post("/api/generate", json=body, headers=origin),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:9"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/health"])
def test_a_preflight_is_204_and_allows_what_sdks_send(client: httpx.Client, path: str) -> None:
    answer = client.options(
        path,
        headers={
            "Origin": "app://obsidian.md",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-npu-proxy-prefer-device",
        },
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "app://obsidian.md"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    sent = ("authorization", "content-type", "x-stainless-os", "x-npu-proxy-prefer-device")
    assert all(name in allowed for name in sent)


def test_a_strangers_preflight_is_refused(client: httpx.Client) -> None:
    answer = client.options(
        "/api/chat",
        headers={"Origin": "https://evil.com", "Access-Control-Request-Method": "POST"},
    )

    assert answer.status_code == 403


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer dummy"}, {"x-api-key": "dummy"}])
def test_dummy_keys_are_accepted_and_no_cookie_is_set(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    answer = client.post(
        "/api/show", json={"model": MODEL}, headers={**headers, "Cookie": "sessionid=x"}
    )

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
