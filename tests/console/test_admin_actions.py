"""What the admin's actions do in a running server, asked for as its forms ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.appliance_process import STARTER, Appliance, change_rows, copy_home
from tests.console.conftest import Browser
from tests.console.owner import MAKE_OWNER, SESSION, SESSION_COOKIE
from tests.console.test_every_page import AXE, violations

QUESTION = {"model": STARTER, "prompt": "Hi", "stream": False, "options": {"num_predict": 2}}
ROWS = [("model", STARTER), ("device", "CPU")]


@pytest.fixture(scope="module")
def appliance(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("admin") / "home")
    change_rows(home, MAKE_OWNER)
    with Appliance.running(home) as started:
        yield started


@pytest.fixture
def owner(appliance: Appliance) -> Iterator[httpx.Client]:
    with appliance.client() as client:
        client.cookies.set(SESSION_COOKIE, SESSION)
        yield client


def act(client: httpx.Client, table: str, name: str, action: str) -> str:
    """Do that to the row of that name; the page that comes back."""
    path = f"/admin/inference/{table}/"
    row = re.search(rf'href="{path}(\d+)/change/[^>]*>\s*{name}\s*<', client.get(path).text)
    assert row
    form = {
        "action": action,
        "_selected_action": row[1],
        "csrfmiddlewaretoken": client.cookies["npuconsole_csrf"],
    }
    headers = {"Referer": str(client.base_url)}
    return client.post(path, data=form, headers=headers, follow_redirects=True).text


@pytest.mark.parametrize(("table", "name"), ROWS)
def test_what_is_loaded_is_unloaded(owner: httpx.Client, table: str, name: str) -> None:
    assert owner.post("/api/generate", json=QUESTION).status_code == 200
    assert owner.get("/api/ps").json()["models"]

    assert f"{name}: nothing is loaded." in act(owner, table, name, "unload")

    assert owner.get("/api/ps").json()["models"] == []


@pytest.mark.parametrize(("table", "name"), ROWS)
def test_a_calibration_goes_on_in_the_background(
    owner: httpx.Client, table: str, name: str
) -> None:
    assert "The calibration has begun" in act(owner, table, name, "calibrate")

    assert "under way already" in act(owner, table, name, "calibrate")
    headers = {
        "Referer": str(owner.base_url),
        "X-CSRFToken": owner.cookies["npuconsole_csrf"],
    }
    assert owner.post("/routing/calibration/stop/", headers=headers).status_code == 200
    assert "Stopped; the passport from before still counts." in owner.get("/routing/").text


def test_the_admins_pages_are_accessible_quiet_and_their_own(
    browser: Browser, appliance: Appliance
) -> None:
    cookie = {"name": SESSION_COOKIE, "value": SESSION, "url": appliance.url}
    browser.driver.execute_cdp_cmd("Network.setCookie", cookie)
    for page in ("", "device/", "devicepolicy/1/change/", "model/1/change/", "requestrecord/"):
        path = f"/admin/inference/{page}" if page else "/admin/"
        browser.open(appliance.url + path)
        assert browser.run("return location.pathname") == path
        browser.run(AXE.read_text(encoding="utf-8"))
        assert violations(browser) == [], path
        assert browser.complaints() == [], path
    assert browser.requested_hosts() == {f"127.0.0.1:{appliance.port}"}
