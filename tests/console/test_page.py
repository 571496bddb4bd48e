"""The page as text: its policy, what it refers to, and who gets it."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from inference import configuration, snapshot
from inference.models import Setting
from npuconsole.asgi import pages
from npuconsole.console.access import is_loopback, is_staff
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
def test_only_active_staff_is_staff(user: object, expected: bool) -> None:
    assert is_staff(user) is expected


@pytest.mark.parametrize(
    ("address", "has_owner", "is_required", "way"),
    [
        ("127.0.0.1", False, False, ""),
        ("127.0.0.1", False, True, "/welcome/"),
        ("127.0.0.1", True, False, "/admin/login/"),
        ("192.168.1.20", False, False, "/admin/login/"),
    ],
)
def test_callers_here_need_no_login_until_there_is_an_account(
    rows: None, address: str, has_owner: bool, is_required: bool, way: str
) -> None:
    from django.contrib.auth.models import User

    Setting.objects.filter(key="console_login_required").update(value=is_required)
    Setting.objects.filter(key="welcome_is_over").update(value=True)
    snapshot.replace_with(configuration.load())
    if has_owner:
        User.objects.create_superuser("owner")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(pages, client=(address, 50000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/")

    answer = asyncio.run(ask())
    assert answer.status_code == (302 if way else 200)
    assert answer.headers.get("Location", "").startswith(way)


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
