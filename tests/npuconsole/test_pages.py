"""What the site adds around the pages: static files, headers, and which part answers what."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.appliance_process import Appliance

STYLE = "/static/console/css/tokens.css"


@pytest.fixture
def client(server: Appliance) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_a_static_file_comes_with_type_length_and_caching(client: httpx.Client) -> None:
    answer = client.get(STYLE)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "max-age" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_an_unchanged_static_file_is_not_sent_again(client: httpx.Client) -> None:
    etag = client.get(STYLE).headers["etag"]

    answer = client.get(STYLE, headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")


def test_head_and_range_of_a_static_file(client: httpx.Client) -> None:
    whole = client.get(STYLE)

    head = client.head(STYLE)
    part = client.get(STYLE, headers={"Range": "bytes=0-9"})

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert (part.status_code, part.content) == (206, whole.content[:10])


@pytest.mark.parametrize(
    "path",
    ["/static/none.css", "/static/../manage.py", "/static/%2e%2e/manage.py", "/static/", "/static"],
)
def test_nothing_but_static_files_is_served_below_static(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert b"execute" not in answer.content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_static_files_are_only_read(client: httpx.Client, method: str) -> None:
    assert client.request(method, STYLE).status_code == 405


@pytest.mark.parametrize("path", ["/admin/login/", "/no/such/page"])
def test_every_page_has_its_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers

    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"


def test_only_the_admin_may_evaluate_scripts(client: httpx.Client) -> None:
    assert "unsafe-eval" in client.get("/admin/login/").headers["content-security-policy"]
    assert "unsafe-eval" not in client.get("/no/page").headers["content-security-policy"]


def test_a_page_asked_for_under_a_strange_name_is_refused(client: httpx.Client) -> None:
    """A name that an attacker lets point to this machine (DNS rebinding)."""
    assert client.get("/admin/login/", headers={"Host": "evil.example"}).status_code == 400


def test_the_admin_asks_for_a_login(client: httpx.Client) -> None:
    answer = client.get("/admin/inference/device/")

    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/admin/login/")


def test_api_paths_meet_no_middleware_of_the_pages(client: httpx.Client) -> None:
    headers = client.get("/api/version").headers

    assert "content-security-policy" not in headers
    assert "set-cookie" not in headers
