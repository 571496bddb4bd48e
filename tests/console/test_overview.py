"""The first page in a real browser, against the real server with the real starter model."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.appliance_process import STARTER, Appliance, copy_home
from tests.conftest import StartAppliance
from tests.console.conftest import Browser

LONG_STORY = "Tell me a very long story about a computer, with many chapters."


def question(name: str, model: str, text: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"type": "ask", "id": name, "model": model, "messages": messages}


def test_shows_every_device_with_its_state_in_words(browser: Browser, server: Appliance) -> None:
    browser.open(server.url)
    browser.wait(lambda: "Serving" in browser.text("#status-server"))
    assert [chip.text for chip in browser.all("#status-devices .chip")] == ["NPU", "GPU", "CPU"]
    npu, gpu, cpu = browser.all("#devices article")
    assert "Emulated on the CPU" in npu.text
    assert npu.find_element("css selector", ".chip").get_attribute("data-emulated") == ""
    assert "ready" in cpu.text
    if "absent" in gpu.text:
        assert "Not found by OpenVINO" in gpu.text
        command = gpu.find_element("css selector", "[data-copy]").get_attribute("data-copy")
        assert command in gpu.text
    assert "smollm2:135m" in browser.text("#models")
    assert "starter" in browser.text("#models")


def test_an_answer_streams_and_its_receipt_says_where_and_why(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    browser.run(
        """
        window.partial = new Set();
        new MutationObserver(() => {
          const text = document.querySelector(".answer-text")?.textContent;
          if (text) window.partial.add(text.length);
        }).observe(document.querySelector("#chat-log"), {childList: true, subtree: true,
                                                       characterData: true});
        """
    )
    browser.ask(LONG_STORY)
    browser.wait_for_text(40)
    browser.stop_when_begun()
    assert browser.run("return window.partial.size") > 3
    assert browser.text(".receipt .chip") == "NPU"
    assert "within the NPU's limit of 1,800" in browser.text(".receipt-why")
    facts = browser.text(".receipt-facts")
    for unit in ("tokens in", "tokens out", "to the first token", "tok/s", "in all"):
        assert unit in facts
    assert browser.all(".timeline i")
    browser.wait(lambda: "within the NPU's limit" in browser.text("#decisions"), 5)
    browser.wait(lambda: "unloads in" in browser.text("#models"), 5)


def test_a_prompt_over_the_limit_of_the_npu_says_that_another_device_took_it(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    browser.wait(lambda: browser.find(".examples [data-npu]").is_displayed())
    browser.find(".examples [data-npu]").click()
    browser.stop_when_begun()
    assert browser.text(".receipt .chip") == "CPU"
    assert "over the NPU's limit of 1,800" in browser.text(".receipt-why")


@pytest.mark.parametrize("how", ["button", "escape"])
def test_an_answer_can_be_stopped(browser: Browser, server: Appliance, how: str) -> None:
    browser.open(server.url)
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    assert browser.text("#chat-send") == "Stop"
    if how == "button":
        browser.find("#chat-send").click()
    else:
        browser.find("#chat-text").send_keys(Keys.ESCAPE)
    browser.wait_for_end(5)
    kept = browser.text(".answer-text")
    assert "stopped by you" in browser.text(".receipt-facts")
    assert browser.text("#chat-send") == "Send"
    browser.wait(lambda: browser.text("#total-running") == "0", 5)
    assert browser.text(".answer-text") == kept


def test_leaving_the_page_stops_the_answer_in_the_engine(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    browser.open("about:blank")
    browser.open(server.url)
    browser.wait(lambda: browser.text("#total-running") == "0", 5)
    browser.wait(lambda: "stopped by the client" in browser.text("#decisions"), 5)


def test_shift_enter_breaks_the_line(browser: Browser, server: Appliance) -> None:
    browser.open(server.url)
    browser.wait(lambda: browser.find("#chat-text").is_enabled())
    browser.find("#chat-text").send_keys("one", Keys.SHIFT + Keys.ENTER + Keys.SHIFT, "two")
    assert browser.run("return document.querySelector('#chat-text').value") == "one\ntwo"
    assert not browser.all(".asked")


def test_what_people_and_models_write_never_becomes_markup(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    payload = "Repeat: <img src=x onerror=alert(1)><script>window.broken = true</script> **b**"
    browser.ask_briefly(payload)
    assert browser.text(".asked") == payload
    assert not browser.all("#chat-log img, #chat-log script")
    assert browser.run("return window.broken") is None


def test_nothing_leaves_the_origin_and_the_browser_has_nothing_to_complain_of(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    browser.ask_briefly("Say hello.")
    assert browser.run("return document.fonts.check('14px Inter')")
    assert browser.requested_hosts() == {f"127.0.0.1:{server.port}"}
    assert browser.complaints() == []


def test_bad_frames_get_a_clear_answer_and_the_line_stays_open(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    frames = [
        "not json",
        "[]",
        json.dumps({"type": "ask", "id": "a", "model": STARTER, "messages": []}),
        json.dumps(question("b", "nobody:1b", "x")),
        json.dumps(question("c", STARTER, "x" * 40_000)),
    ]
    browser.driver.set_script_timeout(20)
    answers = browser.driver.execute_async_script(
        """
        const [frames, done] = arguments;
        const answers = [];
        const socket = new WebSocket(`ws://${location.host}/console/chat`);
        socket.onopen = () => frames.forEach((frame) => socket.send(frame));
        socket.onmessage = ({data}) => {
          answers.push(JSON.parse(data));
          if (answers.length === frames.length) done([...answers, socket.readyState]);
        };
        socket.onclose = () => done("closed");
        """,
        frames,
    )
    assert answers[-1] == 1
    messages = [answer["message"] for answer in answers[:-1]]
    assert {answer["type"] for answer in answers[:-1]} == {"error"}
    assert "That was not valid JSON." in messages
    assert "A JSON object was expected." in messages
    assert "Write a message first." in messages
    assert "Model 'nobody:1b' not found" in messages
    assert any("at most 32,000 characters, this one 40,000" in message for message in messages)


def test_the_page_says_that_the_line_is_lost_and_comes_back_after_a_restart(
    browser: Browser, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> None:
    home = copy_home(starter_home, tmp_path / "home")
    first = start_appliance(home, NPUCONSOLE_EMULATE_NPU="1")
    first.wait_until_started()
    browser.open(first.url)
    browser.wait(lambda: "Serving" in browser.text("#status-server"))
    first.stop()
    browser.wait(lambda: "Connection lost" in browser.text("#status-link"), 10)
    opacity = browser.run("return getComputedStyle(document.querySelector('#devices')).opacity")
    assert float(opacity) < 0.6

    browser.ask("Is anybody there?")
    browser.wait_for_end(15)
    assert "connection to the server was lost" in browser.text(".chat-error")
    time.sleep(1)
    assert browser.all(".chat-error"), "an error stays until it is dismissed"

    # Without the emulated NPU: what comes back is the new server's state, not the old picture.
    start_appliance(home, NPU_PROXY_PORT=str(first.port)).wait_until_started()
    browser.wait(lambda: not browser.find("#status-link").is_displayed(), 20)
    browser.wait(lambda: "Emulated" not in browser.text("#devices"), 10)
    browser.find(".chat-error button").click()
    browser.stop_when_begun()
    assert browser.text(".receipt .chip") == "CPU"


def test_an_answer_goes_on_when_its_engine_is_killed(
    browser: Browser, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> None:
    appliance = start_appliance(copy_home(starter_home, tmp_path / "home"))
    appliance.wait_until_started()
    browser.open(appliance.url)
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    killed = {child.pid for child in appliance.children()}
    for child in appliance.children():
        child.kill()
    # Text that was on its way already proves nothing: what counts comes from the next engine.
    browser.wait(lambda: {child.pid for child in appliance.children()} - killed, 30)
    browser.wait_for_text(len(browser.text(".answer-text")) + 60)
    assert not browser.all(".chat-error")


def test_an_answer_that_no_engine_can_finish_is_a_clear_error(
    browser: Browser, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> None:
    appliance = start_appliance(copy_home(starter_home, tmp_path / "home"))
    appliance.wait_until_started()
    browser.open(appliance.url)
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    shutil.rmtree(appliance.home / "models" / "installed")
    for child in appliance.children():
        child.kill()
    browser.wait_for_end()
    assert "The engine stopped" in browser.text(".chat-error")


def test_a_first_start_shows_the_starter_coming_until_it_can_be_asked(
    browser: Browser, start_appliance: StartAppliance
) -> None:
    appliance = start_appliance()
    browser.open(appliance.url)
    browser.wait(lambda: "%" in browser.text("#models"), 20)
    assert not browser.find("#chat-text").is_enabled()
    assert "on its way" in browser.text(".log-empty")
    assert browser.text("#status-server") == "Installing a model"
    browser.wait(lambda: browser.find("#chat-text").is_enabled(), 240)
    assert "On disk" in browser.text("#models")
    assert browser.text("#status-server") == "Serving"


def test_the_chosen_theme_is_kept(browser: Browser, server: Appliance) -> None:
    browser.open(server.url)
    background = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(background)
    browser.find("#theme").click()
    browser.find("#theme").click()
    assert browser.text("#theme") == "Dark theme"
    dark = browser.run(background)
    assert dark != light
    browser.open(server.url)
    assert browser.run(background) == dark


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
def test_nothing_scrolls_sideways(browser: Browser, server: Appliance, width: int) -> None:
    browser.resize(width, 844)
    browser.open(server.url)
    browser.wait(lambda: browser.all("#devices article"))
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(
    browser: Browser, server: Appliance
) -> None:
    browser.open(server.url)
    browser.wait(lambda: browser.all("#devices article"))
    nameless = browser.run(
        """
        return [...document.querySelectorAll("button, a[href], select, textarea")]
          .filter((n) => n.checkVisibility())
          .filter((n) => !(n.ariaLabel || n.innerText.trim() || n.labels?.length))
          .map((n) => n.outerHTML)
        """
    )
    assert nameless == []
    seen = set()
    for _ in range(25):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.add(browser.run("return document.activeElement.id || document.activeElement.tagName"))
    assert {"chat-text", "chat-model", "theme"} <= seen
