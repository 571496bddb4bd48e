"""The routing page in a real browser: edit, see what would change, apply, undo, measure."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.appliance_process import STARTER, Appliance
from tests.console.conftest import Browser

LIMIT = '[name="RoutingPolicy.token_limit"]'
PROMPT = "All the world is a stage, and all the men and women merely players. " * 30


@pytest.fixture
def page(browser: Browser, server: Appliance) -> Browser:
    browser.open(f"{server.url}/routing/")
    browser.wait(lambda: browser.text("#status-server"))
    return browser


def write(browser: Browser, css: str, text: str) -> None:
    field = browser.find(css)
    field.send_keys(Keys.CONTROL + "a" + Keys.NULL, text)


def shown(browser: Browser) -> list[str]:
    return [row.text.replace("\n", " ") for row in browser.all(".ranges tbody tr")]


def test_a_changed_threshold_is_seen_before_it_counts_and_the_dry_run_follows_it(
    page: Browser, server: Appliance
) -> None:
    assert shown(page)[0].startswith("1 to 1,800 tokens NPU within the NPU's limit of 1,800")
    page.find("#dry-run-prompt").send_keys(PROMPT)
    page.wait(lambda: "NPU" in page.text(".decision-head"))
    assert "Within the NPU's limit of 1,800" in page.text(".decision-words")

    write(page, LIMIT, "200")
    page.wait(lambda: page.all(".pending"))
    assert "limit of the NPU: 1,800 → 200" in page.text(".pending")
    assert shown(page)[0].startswith("1 to 200 tokens NPU")
    assert len(page.all(".diagram .bar")) == 2
    page.wait(lambda: len(page.all(".decision-run")) == 2)
    now, edited = page.all(".decision-run .decision-head")
    assert ("NPU" in now.text, "CPU" in edited.text) == (True, True)
    # Nothing counts yet.
    with server.client() as client:
        asked = {"model": STARTER, "prompt": PROMPT}
        assert client.post("/api/npu/route", json=asked).json()["device"] == "NPU"

    page.find("#routing-apply").click()
    page.wait(lambda: "Applied" in page.text("#routing-said"))
    with server.client() as client:
        told = client.post("/api/npu/route", json=asked).json()
    assert (told["device"], told["token_limit"]) == ("CPU", 200)
    assert page.run("return document.activeElement.id") == "routing-said"
    assert page.find("#dry-run-prompt").get_attribute("value") == PROMPT
    page.wait(lambda: len(page.all(".decision-run")) == 1 and "CPU" in page.text(".decision-head"))
    assert "127.0.0.1" in page.text(".changes li:first-child")

    page.find("#routing-said button").click()
    page.wait(lambda: "Undone" in page.text("#routing-said"))
    assert page.find(LIMIT).get_attribute("value") == "1800"
    with server.client() as client:
        assert client.post("/api/npu/route", json=asked).json()["device"] == "NPU"
    assert page.complaints() == []


def test_what_cannot_be_is_said_beside_its_field_and_cannot_be_applied(page: Browser) -> None:
    write(page, LIMIT, "0")
    page.wait(lambda: page.all('[data-bad] [name="RoutingPolicy.token_limit"]'))
    assert "greater than or equal to 1" in page.text(".field[data-bad] .field-said")
    assert not page.find("#routing-apply").is_enabled()

    Select(page.find('[name="RoutingPolicy.mode"]')).select_by_value("measured")
    page.wait(lambda: "nothing to predict from" in page.text(".routing-note"))
    page.find("#routing-discard").click()
    page.wait(lambda: not page.all(".pending"))
    assert page.find(LIMIT).get_attribute("value") == "1800"


def test_slider_and_devices_change_the_preview_and_nothing_scrolls_sideways(page: Browser) -> None:
    page.find("#limit-slider").send_keys(Keys.HOME)
    page.wait(lambda: page.all(".pending"))
    assert page.find(LIMIT).get_attribute("value") == "1"
    assert shown(page)[0].startswith("1 token NPU")

    used = page.find('[name="DevicePolicy.NPU.enabled"][type="checkbox"]')
    page.run("arguments[0].scrollIntoView({block: 'center'})", used)
    used.click()
    page.wait(lambda: "NPU, used: yes → no" in page.text(".pending"))
    assert shown(page)[0].startswith("1 token CPU NPU switched off")

    for width in (390, 1024):
        page.resize(width, 844)
        assert page.run("return document.documentElement.scrollWidth") <= width


def test_a_calibration_goes_on_without_the_page_and_can_be_stopped(
    page: Browser, server: Appliance
) -> None:
    page.find(f'[aria-label="Calibrate {STARTER} on CPU"]').click()
    page.wait(lambda: "step 1 of" in page.text("#calibrating-words"))
    page.open(f"{server.url}/routing/")
    page.wait(lambda: "Measuring" in page.text("#calibrating-words"))
    page.run("document.querySelector('#routing').id_before = true")
    page.find("#calibrating-stop").click()
    page.wait(lambda: "Stopped" in page.text("#calibrating-words"))
    # Its end renews the page: there may be another passport.
    page.wait(lambda: not page.run("return document.querySelector('#routing').id_before"))
    page.find("#calibrating-dismiss").click()
    page.wait(lambda: not page.find("#calibrating").is_displayed())
    assert page.complaints() == []


def test_bad_input_is_refused_in_words_and_strangers_pages_cannot_send_any(
    server: Appliance,
) -> None:
    with server.client() as client:
        client.get("/routing/", headers={"Accept": "text/html"})
        sent = {"/routing/apply/": {"RoutingPolicy.token_limit": "0"}}
        assert client.post("/routing/apply/", data=sent["/routing/apply/"]).status_code == 403
        client.headers["X-CSRFToken"] = client.cookies["npuconsole_csrf"]

        answers = [
            client.post("/routing/apply/", data=sent["/routing/apply/"]),
            client.post("/routing/undo/999999/"),
            client.post("/routing/measured/", data={"model": STARTER}),
            client.post("/routing/calibration/", data={"model": STARTER, "device": "GPU"}),
            client.post("/routing/calibration/", data={"model": "nobody:1b"}),
        ]
        assert [answer.status_code for answer in answers] == [400, 404, 409, 409, 409]
        assert answers[0].json()["field"] == "RoutingPolicy.token_limit"
        assert all(answer.json()["error"] for answer in answers)

        def told(**form: str) -> str:
            return client.post("/routing/dry-run/", data=form).text

        assert "how many tokens" in told(model=STARTER, prompt="  ")
        assert "not found" in told(model="nobody:1b", prompt="x")
        assert "whole number" in told(model=STARTER, prompt="x", answer_tokens="many")
        assert "<b>about" in told(model=STARTER, prompt="word " * 100_000)
