"""The chat page in a real browser, against the real server with the real starter model."""

from __future__ import annotations

import json

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.appliance_process import STARTER, Appliance
from tests.console.conftest import Browser

LONG_STORY = "Tell me a very long story about a computer, with many chapters."
WEATHER = [{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {}}}}]


def open_chat(browser: Browser, server: Appliance, path: str = "") -> None:
    browser.open(f"{server.url}/chat/{path}")
    browser.wait(lambda: browser.find("#chat-text").is_enabled())


def titles(browser: Browser) -> list[str]:
    return [title.text for title in browser.all(".talk-title")]


def test_an_answer_streams_says_where_and_why_and_is_there_after_a_reload(
    browser: Browser, server: Appliance
) -> None:
    open_chat(browser, server)
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
    browser.find("#chat-text").send_keys("Tell me", Keys.SHIFT + Keys.ENTER + Keys.SHIFT)
    browser.ask("a long story about silicon.")
    browser.wait_for_text(40)
    assert browser.text("#chat-send") == "Stop"
    browser.stop_when_begun()

    assert browser.text(".asked") == "Tell me\na long story about silicon."
    assert browser.run("return window.partial.size") > 3
    assert browser.text(".receipt .chip") == "NPU"
    assert "within the NPU's limit of 1,800" in browser.text(".receipt-why")
    facts = browser.text(".receipt-facts")
    for words in ("tokens in", "tokens out", "to the first token", "tok/s", "in all", "stopped"):
        assert words in facts
    assert browser.all(".timeline i")
    assert titles(browser) == ["Tell me a long story about silicon."]

    answer = browser.text(".answer-text")
    browser.driver.refresh()
    browser.wait(lambda: browser.all(".receipt .chip"))
    assert browser.text(".asked") == "Tell me\na long story about silicon."
    assert browser.text(".answer-text") == answer
    assert browser.text(".receipt-facts") == facts
    assert browser.complaints() == []

    # The next answer knows the one before; the one given again is beside the first.
    Select(browser.find(".lane-device select")).select_by_value("CPU")
    browser.ask(LONG_STORY)
    browser.wait(lambda: browser.text(".turn:last-child .answer-text"), 60)
    browser.stop_when_begun()
    later = browser.text(".turn:last-child .receipt-facts")
    assert int(later.split()[0]) > int(facts.split()[0])
    browser.find(".turn:last-child [data-again]").click()
    browser.wait(lambda: browser.text(".pager:not([hidden])") == "2 of 2")
    browser.stop_when_begun()
    browser.find("[aria-label='Earlier answer']:not([disabled])").click()
    assert "1 of 2" in browser.text(".turn:last-child .pager")


def test_one_question_goes_to_several_devices_and_a_missing_one_is_told(
    browser: Browser, server: Appliance
) -> None:
    open_chat(browser, server)
    browser.find("#chat-compare").click()
    chosen = [Select(one).first_selected_option.text for one in browser.all(".lane-device select")]
    assert chosen == ["NPU (emulated)", "CPU"]
    browser.find("#chat-compare").click()
    Select(browser.all(".lane-device select")[2]).select_by_value("GPU")
    address = f"{server.url}/chat/?to={STARTER}@NPU&to={STARTER}@CPU&to={STARTER}@GPU"
    assert browser.driver.current_url.replace("%3A", ":").replace("%40", "@") == address

    browser.ask(LONG_STORY)
    browser.wait(lambda: len(browser.all(".answer .receipt .chip")) == 3, 150)
    browser.wait(lambda: all(one.text for one in browser.all(".answer-text")), 60)
    browser.find(".lane-stop:not([hidden])").click()
    browser.wait(lambda: len(browser.all("[aria-busy]")) == 2, 10)
    browser.find("#chat-text").send_keys(Keys.ESCAPE)
    browser.wait_for_end()

    npu, cpu, gpu = browser.all(".lane")
    assert "NPU was asked for" in npu.text
    assert "CPU was asked for" in cpu.text
    assert "GPU was asked for, GPU not found by OpenVINO" in gpu.text
    assert len(browser.all(".receipt[data-elsewhere]")) == 1
    browser.driver.refresh()
    browser.wait(lambda: len(browser.all(".lane .receipt .chip")) == 3)
    assert len(browser.all(".lane-device select")) == 3


def test_a_prompt_over_the_limit_of_the_npu_says_that_another_device_took_it(
    browser: Browser, server: Appliance
) -> None:
    open_chat(browser, server)
    browser.wait(lambda: browser.find(".examples [data-npu]").is_displayed())
    browser.find(".examples [data-npu]").click()
    browser.stop_when_begun()
    assert browser.text(".receipt .chip") == "CPU"
    assert "over the NPU's limit of 1,800" in browser.text(".receipt-why")


def test_parameters_are_sent_and_kept_and_a_forced_call_is_shown(
    browser: Browser, server: Appliance
) -> None:
    open_chat(browser, server, f"?model={STARTER}@CPU")
    browser.find("#settings-open").click()
    browser.find("#set-tools").send_keys("[{")
    assert "Not JSON yet" in browser.text("#set-tools-error")
    browser.run("document.querySelector('#set-tools').value = arguments[0]", json.dumps(WEATHER))
    browser.find("#set-must-call").click()
    browser.find("[data-sampling=max_tokens]").send_keys("60")
    browser.find("[data-sampling=temperature]").send_keys("0")
    assert browser.text("#settings-count") == "(3)"

    browser.ask("What is the weather in Ulm?")
    browser.wait_for_end(150)

    assert "get_weather" in browser.text(".call-name")
    assert "city" in browser.text(".call pre")
    placeholder = browser.find("#chat-text").get_attribute("placeholder")
    assert placeholder == "Write what get_weather gives back"
    browser.driver.refresh()
    browser.wait(lambda: browser.all(".call"))
    assert browser.text("#settings-count") == "(3)"
    browser.run("document.querySelector('[data-sampling=temperature]').value = '-1'")
    browser.ask("sunny")
    assert browser.all("#chat-settings.is-open"), "what cannot be sent is shown"
    assert len(browser.all(".turn")) == 1


def test_conversations_are_found_and_deleted_by_name(browser: Browser, server: Appliance) -> None:
    open_chat(browser, server, f"?to={STARTER}@CPU")
    browser.ask_briefly("Write about zirconium & gold.")
    kept = browser.driver.current_url
    open_chat(browser, server)
    browser.find("body").send_keys("/")
    browser.driver.switch_to.active_element.send_keys("ZIRCONIUM &")
    browser.wait(lambda: titles(browser) == ["Write about zirconium & gold."])
    assert browser.text(".talk-snippet mark") == "zirconium &"
    assert browser.driver.current_url.endswith("?q=ZIRCONIUM+%26")

    browser.driver.refresh()
    assert titles(browser) == ["Write about zirconium & gold."]
    browser.find(".talk-link").click()
    browser.wait(lambda: browser.driver.current_url.startswith(kept))
    browser.wait(lambda: browser.all(".receipt .chip"))
    browser.run("document.querySelector('.talk-bin').focus()")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait(lambda: browser.all("dialog[open]"))
    assert "Write about zirconium & gold." in browser.text("dialog")
    assert "2 messages" in browser.text("dialog")
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    browser.wait(lambda: not browser.all("dialog"))
    browser.find(".talk-bin").send_keys(Keys.ENTER)
    browser.wait(lambda: browser.all("dialog[open]"))
    browser.find("[data-delete]").click()
    browser.wait(lambda: browser.driver.current_url == f"{server.url}/chat/")
    assert "Write about zirconium & gold." not in titles(browser)
    browser.open(kept)
    assert "it was deleted" in browser.text(".notice")


def test_leaving_the_page_stops_the_answer_and_keeps_what_was_there(
    browser: Browser, server: Appliance
) -> None:
    open_chat(browser, server, f"?to={STARTER}@CPU")
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    address = browser.driver.current_url
    browser.open("about:blank")
    browser.open(address)
    browser.wait(lambda: browser.text("#total-running") == "0", 10)
    browser.driver.refresh()
    browser.wait(lambda: browser.all(".receipt .chip"))
    assert len(browser.text(".answer-text")) >= 30
    assert "stopped" in browser.text(".receipt-facts")


def test_a_broken_line_is_told_and_the_question_can_be_asked_again(
    browser: Browser, server: Appliance
) -> None:
    open_chat(browser, server, f"?to={STARTER}@CPU")
    browser.run(
        """
        const Real = WebSocket;
        window.WebSocket = function (address) {
          const socket = new Real(address);
          if (address.endsWith("/console/chat")) window.chatSocket = socket;
          return socket;
        };
        Object.assign(window.WebSocket, {OPEN: 1, CONNECTING: 0});
        """
    )
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    browser.run("window.chatSocket.close()")
    browser.wait_for_end()
    assert "connection to the server was lost" in browser.text(".chat-error")
    assert len(browser.text(".answer-text")) >= 30
    browser.find("[data-again]").click()
    browser.wait(lambda: browser.text(".pager:not([hidden])") == "2 of 2")
    browser.stop_when_begun()
    assert browser.text(".receipt .chip") == "CPU"
