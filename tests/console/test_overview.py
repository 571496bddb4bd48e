"""The first page in a real browser, against the real server with the real starter model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from selenium.webdriver.common.keys import Keys

from tests.appliance_process import STARTER, Appliance, copy_home
from tests.conftest import StartAppliance
from tests.console.conftest import Browser

STORY = [{"role": "user", "content": "Tell a very long story about a computer."}]
SHORT = [{"role": "user", "content": "Say hello."}]
LONG = [{"role": "user", "content": "word " * 1900}]


def chat(server: Appliance, messages: list[dict[str, str]], tokens: int = 12) -> httpx.Response:
    body = {"model": STARTER, "messages": messages, "stream": False}
    options = {"num_predict": tokens, "ignore_eos": True}
    with server.client() as client:
        return client.post("/api/chat", json={**body, "options": options})


@contextmanager
def endless_answer(server: Appliance) -> Iterator[list[httpx.Response]]:
    """A client that waits for an answer of thousands of tokens; its response comes into the list
    when it got one."""
    got: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: got.append(chat(server, STORY, 100_000)))
    thread.start()
    yield got
    thread.join(30)


def open_overview(browser: Browser, server: Appliance) -> None:
    browser.open(server.url)
    browser.wait(lambda: browser.all("#devices article"))


def test_devices_and_decisions_say_what_is_where_and_why(
    browser: Browser, server: Appliance
) -> None:
    short, long = chat(server, SHORT), chat(server, LONG, 2)
    open_overview(browser, server)
    browser.wait(lambda: "Serving" in browser.text("#status-server"))
    assert [chip.text for chip in browser.all("#status-devices .chip")] == ["NPU", "GPU", "CPU"]
    npu, gpu, cpu = browser.all("#devices article")
    assert "Emulated on the CPU" in npu.text
    assert npu.find_element("css selector", ".chip").get_attribute("data-emulated") == ""
    for words in (STARTER, "up to 1,800 tokens", "nothing measured yet", "of the last"):
        assert words in npu.text.replace("\u00a0", " ")
    assert "ready" in cpu.text
    if "absent" in gpu.text:
        assert "Not found by OpenVINO" in gpu.text
        command = gpu.find_element("css selector", "[data-copy]").get_attribute("data-copy")
        assert command in gpu.text
    served = npu.find_element("css selector", 'a[href*="/requests/"]')
    assert served.get_attribute("href") == f"{server.url}/requests/?device=NPU"
    assert "starter" in browser.text("#models")

    last, before = browser.all("#decisions .row")[:2]
    assert "over the NPU's limit of 1,800" in last.text.replace("\u00a0", " ")
    assert "within the NPU's limit of 1,800" in before.text.replace("\u00a0", " ")
    links = [row.find_element("css selector", "a").get_attribute("href") for row in (last, before)]
    ids = [answer.headers["X-Request-ID"] for answer in (long, short)]
    assert links == [f"{server.url}/requests/{request_id}/" for request_id in ids]
    assert browser.complaints() == []


def test_a_request_under_way_is_shown_charted_and_can_be_cancelled(
    browser: Browser, server: Appliance
) -> None:
    with server.client() as client:
        browser.wait(lambda: _samples(client))
    open_overview(browser, server)
    assert len(browser.all("#charts figure")) == 4
    assert "now" in str(browser.find("#charts svg").get_attribute("aria-valuetext"))
    with endless_answer(server) as got:
        browser.wait(lambda: "answering" in browser.text("#now"))
        assert "Ollama · /api/chat · 127.0.0.1" in browser.text("#now")
        browser.wait(lambda: "running 1" in browser.text("#charts .legend").replace("\n", " "))
        browser.find("#now [data-cancel]").click()
        browser.wait(lambda: browser.find("#cancel").is_displayed())
        assert STARTER in browser.text("#cancel-what")
        browser.find('#cancel [value="keep"]').click()
        assert not got
        browser.find("#now [data-cancel]").click()
        browser.find('#cancel [value="cancel"]').click()
    (answer,) = got
    assert answer.status_code == 499
    assert "cancelled by this server's owner" in answer.json()["error"]
    browser.wait(lambda: "Nothing runs" in browser.text("#now"))
    browser.wait(lambda: "cancelled by this server's owner" in browser.text("#decisions"))
    failed = browser.driver.execute_async_script(
        """
        const done = arguments[0];
        import("/static/console/js/actions.js")
          .then(({ post }) => post("/overview/cancel/req_0/"))
          .catch((error) => done(error.message));
        """
    )
    assert failed == "It had ended already."
    # The cursor of the charts reads what was, by keyboard too.
    browser.find("#charts svg").send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert browser.text("#charts-when") == "10 s ago"


def _samples(client: httpx.Client) -> list[Any]:
    found: list[Any] = client.get("/overview/history/").json()["samples"]
    return found


def test_the_page_says_that_the_line_is_lost_and_refreshes_after_a_restart(
    browser: Browser, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> None:
    home = copy_home(starter_home, tmp_path / "home")
    first = start_appliance(home, NPUCONSOLE_EMULATE_NPU="1")
    first.wait_until_started()
    open_overview(browser, first)
    first.stop()
    browser.wait(lambda: "Connection lost" in browser.text("#status-link"), 10)
    opacity = browser.run("return getComputedStyle(document.querySelector('#devices')).opacity")
    assert float(opacity) < 0.6
    # Without the emulated NPU: what comes back is the new server's state, not the old picture.
    start_appliance(home, NPU_PROXY_PORT=str(first.port)).wait_until_started()
    browser.wait(lambda: not browser.find("#status-link").is_displayed(), 20)
    browser.wait(lambda: "Emulated" not in browser.text("#devices"), 10)


def test_nothing_scrolls_sideways_and_the_chosen_theme_is_kept(
    browser: Browser, server: Appliance
) -> None:
    for width in (320, 390, 1024):
        browser.resize(width, 844)
        open_overview(browser, server)
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), width
    browser.resize(1440, 900)
    background = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(background)
    browser.find("#theme").click()
    browser.find("#theme").click()
    assert browser.text("#theme") == "Dark theme"
    dark = browser.run(background)
    assert dark != light
    browser.open(server.url)
    assert browser.run(background) == dark
