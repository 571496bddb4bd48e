"""The page as text: its policy, what it refers to, and who gets it."""

from __future__ import annotations

import re

import pytest
from django.test import AsyncRequestFactory

from npuconsole.console import views
from npuconsole.console.access import is_loopback, may_see_console
from tests.appliance_process import Appliance


class Person:
    def __init__(self, *, is_staff: bool, is_active: bool = True) -> None:
        self.is_staff, self.is_active = is_staff, is_active


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.20", False),
        ("::ffff:192.168.1.20", False),
        ("fe80::1%eth0", False),
        ("", False),
        (None, False),
        ("localhost", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_else(address: str | None, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (None, False),
        (Person(is_staff=False), False),
        (Person(is_staff=True), True),
        (Person(is_staff=True, is_active=False), False),
    ],
)
def test_from_elsewhere_only_active_staff_may_look(user: object, expected: bool) -> None:
    assert may_see_console("192.168.1.20", user) is expected
    assert may_see_console("127.0.0.1", user) is True


async def test_a_stranger_is_sent_to_the_login() -> None:
    request = AsyncRequestFactory(REMOTE_ADDR="192.168.1.20").get("/")
    request.META["REMOTE_ADDR"] = "192.168.1.20"

    async def nobody() -> None:
        return None

    request.auser = nobody  # type: ignore[attr-defined]
    response = await views.overview(request)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_the_page_has_no_inline_code_and_its_policy_forbids_it(server: Appliance) -> None:
    with server.client() as client:
        page = client.get("/", headers={"Accept": "text/html"})
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for rule in ("script-src 'self'", "style-src 'self'", "connect-src 'self'"):
        assert rule in policy
    scripts = re.findall(r"<script([^>]*)>", page.text)
    assert all("src=" in script or "application/json" in script for script in scripts)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page.text)
    assert "no-store" in page.headers["Cache-Control"]


def test_all_it_refers_to_exists_and_is_its_own(server: Appliance) -> None:
    with server.client() as client:
        todo = {"/"}
        done: set[str] = set()
        while todo:
            path = todo.pop()
            done.add(path)
            answer = client.get(path, headers={"Accept": "text/html"})
            assert answer.status_code == 200, path
            text = answer.text if not path.endswith(".woff2") else ""
            folder = path.rpartition("/")[0]
            found = re.findall(r'(?:src|href)="([^"#]+)"', text) if path == "/" else []
            found += [f"{folder}/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]
            found += [f"{folder}/{name}" for name in re.findall(r'url\("([^"]+)"\)', text)]
            assert not [link for link in found if "//" in link.removeprefix(folder)], path
            links = {re.sub(r"[^/]+/\.\./", "", re.sub(r"[^/]+/\.\./", "", one)) for one in found}
            todo |= {link for link in links if link.startswith("/static/")} - done
    assert len(done) > 15
