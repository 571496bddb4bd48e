"""Answers whose engine dies: the page sees none of it, or is told in words."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.appliance_process import copy_home
from tests.conftest import StartAppliance
from tests.console.conftest import Browser

LONG_STORY = "Tell me a very long story about a computer, with many chapters."


def test_an_answer_goes_on_when_its_engine_is_killed_and_says_so_when_none_is_left(
    browser: Browser, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> None:
    appliance = start_appliance(copy_home(starter_home, tmp_path / "home"))
    appliance.wait_until_started()
    browser.open(f"{appliance.url}/chat/")
    browser.ask(LONG_STORY)
    browser.wait_for_text(30)
    killed = {child.pid for child in appliance.children()}
    for child in appliance.children():
        child.kill()
    # Text that was on its way already proves nothing: what counts comes from the next engine.
    browser.wait(lambda: {child.pid for child in appliance.children()} - killed, 30)
    browser.wait_for_text(len(browser.text(".answer-text")) + 60)
    assert not browser.all(".chat-error")
    browser.find("#chat-text").send_keys("\ue00c")
    browser.wait_for_end()

    browser.ask(LONG_STORY)
    browser.wait(lambda: len(browser.text(".turn:last-child .answer-text")) > 30, 60)
    shutil.rmtree(appliance.home / "models" / "installed")
    for child in appliance.children():
        child.kill()
    browser.wait_for_end(30)
    assert "The engine stopped" in browser.text(".chat-error")
    browser.driver.refresh()
    browser.wait(lambda: browser.all(".chat-error"))
    assert "The engine stopped" in browser.text(".chat-error"), "an error stays with its answer"
