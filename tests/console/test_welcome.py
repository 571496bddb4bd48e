"""The first steps on a new machine, in a real browser and over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from inference import configuration, snapshot
from inference.models import Setting
from npuconsole.asgi import pages
from tests.appliance_process import STARTER, Appliance, copy_home
from tests.conftest import StartAppliance
from tests.console.conftest import Browser

OWNER = {"name": "owner", "password": "correct horse battery"}


def ask(*requests: tuple[str, dict[str, Any] | None], address: str = "127.0.0.1") -> list[Any]:
    """The answers to GETs (None) and POSTs of one client that keeps its cookies."""

    async def talk() -> list[httpx.Response]:
        transport = httpx.ASGITransport(pages, client=(address, 50000))  # type: ignore[arg-type]
        base = "http://localhost"
        answers = []
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            await client.get("/welcome/")
            for path, body in requests:
                token = client.cookies.get("npuconsole_csrf", "")
                headers = {"X-CSRFToken": token, "Referer": base}
                if body is None:
                    answers.append(await client.get(path))
                else:
                    answers.append(await client.post(path, json=body, headers=headers))
        return answers

    return asyncio.run(talk())


def test_from_the_first_page_to_the_chat_it_takes_two_clicks_and_the_third_asks(
    browser: Browser, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> None:
    home = copy_home(starter_home, tmp_path / "home", is_new=True)
    appliance = start_appliance(home, HF_HUB_OFFLINE="1")
    appliance.wait_until_started()
    browser.open(appliance.url)
    assert browser.driver.current_url == f"{appliance.url}/welcome/"
    browser.wait(lambda: "CPU" in browser.text("#found"))
    browser.find("#skip").click()
    browser.wait(lambda: browser.driver.current_url.endswith("/welcome/model/"))

    # No hub is in reach: the best model says so, its pull too, and the starter is there.
    browser.wait(lambda: "cannot be fetched now" in browser.text("#offers"))
    (best,) = [one for one in browser.all("[data-get]") if "all the same" in one.text]
    name = best.get_attribute("data-get")
    best.click()
    browser.wait(lambda: "could not be fetched" in browser.text("#getting-words"))
    assert browser.find("#getting-trouble").is_displayed()
    assert browser.text("#getting-name") == name

    browser.find(f'[data-get="{STARTER}"]').click()
    browser.wait(lambda: browser.driver.current_url.endswith("/chat/?to=smollm2%3A135m"))
    browser.open(appliance.url)
    assert browser.driver.current_url == f"{appliance.url}/"
    assert browser.complaints() == []


@pytest.mark.usefixtures("rows")
def test_the_owner_is_created_once_and_is_logged_in() -> None:
    created, step, overview, again = ask(
        ("/welcome/owner/", OWNER),
        ("/welcome/model/", None),
        ("/", None),
        ("/welcome/", None),
    )
    assert created.json() == {"next": "/welcome/model/"}
    assert (step.status_code, overview.status_code) == (200, 200)
    assert (again.status_code, again.headers["Location"]) == (302, "/")
    owner = User.objects.get()
    assert owner.is_superuser
    assert owner.check_password(OWNER["password"])
    second, page = ask(
        ("/welcome/owner/", {**OWNER, "name": "other"}), ("/requests/?model=a", None)
    )
    assert second.status_code == 403
    assert User.objects.count() == 1
    assert page.headers["Location"] == "/admin/login/?next=/requests/%3Fmodel%3Da"


@pytest.mark.usefixtures("rows")
def test_a_login_leads_back_to_where_one_was() -> None:
    User.objects.create_superuser("owner", password=OWNER["password"])
    way = "/admin/login/?next=/requests/%3Fmodel%3Da"

    async def log_in() -> httpx.Response:
        transport = httpx.ASGITransport(pages, client=("192.168.1.20", 50000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.get(way)
            form = {
                "username": "owner",
                "password": OWNER["password"],
                "csrfmiddlewaretoken": client.cookies["npuconsole_csrf"],
            }
            return await client.post(way, data=form, headers={"Referer": "http://localhost"})

    answer = asyncio.run(log_in())
    assert (answer.status_code, answer.headers["Location"]) == (302, "/requests/?model=a")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " ", "password": OWNER["password"]}, "name"),
        ({"name": "a b", "password": OWNER["password"]}, "name"),
        ({"name": "x" * 200, "password": OWNER["password"]}, "name"),
        ({"name": 5, "password": OWNER["password"]}, "name"),
        ({"name": "owner", "password": "short"}, "password"),
        ({"name": "owner", "password": "password"}, "password"),
        ({"name": "owner", "password": "8765432109"}, "password"),
        ({"name": "someowner", "password": "someowner1"}, "password"),
        ({"name": "owner"}, "password"),
    ],
)
def test_bad_names_and_passwords_are_told_at_their_fields(body: dict[str, Any], field: str) -> None:
    (answer,) = ask(("/welcome/owner/", body))
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert answer.json()["error"]
    assert not User.objects.exists()


@pytest.mark.usefixtures("rows")
def test_skipping_is_remembered_and_leaves_the_console_open() -> None:
    before, skipped, after, offer = ask(
        ("/", None), ("/welcome/skip/", {}), ("/", None), ("/welcome/model/", None)
    )
    assert (before.status_code, before.headers["Location"]) == (302, "/welcome/")
    assert skipped.json() == {"next": "/welcome/model/"}
    assert (after.status_code, offer.status_code) == (200, 200)
    assert Setting.objects.get(key="welcome_is_over").value is True


@pytest.mark.usefixtures("rows")
def test_where_a_login_is_demanded_the_first_account_cannot_be_skipped() -> None:
    Setting.objects.filter(key="console_login_required").update(value=True)
    snapshot.replace_with(configuration.load())
    page, skipped, other, model = ask(
        ("/welcome/", None),
        ("/welcome/skip/", {}),
        ("/requests/", None),
        ("/welcome/get/", {"model": STARTER}),
    )
    assert page.status_code == 200
    assert 'id="skip"' not in page.text
    assert skipped.status_code == 400
    assert (other.status_code, other.headers["Location"]) == (302, "/welcome/")
    assert model.status_code == 403


@pytest.mark.usefixtures("rows")
def test_other_machines_never_see_the_first_steps() -> None:
    page, created, skipped = ask(
        ("/welcome/", None),
        ("/welcome/owner/", OWNER),
        ("/welcome/skip/", {}),
        address="192.168.1.20",
    )
    assert (page.status_code, page.headers["Location"]) == (302, "/")
    assert (created.status_code, skipped.status_code) == (403, 403)
    assert not User.objects.exists()


@pytest.mark.parametrize("body", ["[]", "x", '{"model": 5}', '{"model": ""}', '{"model": "a b"}'])
def test_what_is_no_model_is_refused_in_words(server: Appliance, body: str) -> None:
    with server.client() as client:
        client.get("/chat/")
        headers = {"X-CSRFToken": client.cookies["npuconsole_csrf"], "Referer": server.url}
        answer = client.post("/welcome/get/", content=body, headers=headers)
        without = httpx.post(f"{server.url}/welcome/get/", content=body, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert without.status_code == 403
