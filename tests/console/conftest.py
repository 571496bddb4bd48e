"""A real browser for the console's tests: headless Chromium, fresh for each test."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.appliance_process import STARTER, Appliance

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
)


class Browser:
    """What the tests do with the browser, in their words."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """The text of what that selector finds, joined; "" if nothing."""
        script = "return [...document.querySelectorAll(arguments[0])].map((n) => n.innerText)"
        return "\n".join(self.driver.execute_script(script, css)).replace("\u00a0", " ")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, until: Callable[[], Any], seconds: float = 30) -> Any:
        """Wait for a true value and return it."""
        waiting = WebDriverWait(
            self.driver, seconds, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: until())

    def ask(self, question: str) -> None:
        self.wait(lambda: self.find("#chat-text").is_enabled())
        self.find("#chat-text").send_keys(question + "\n")

    def wait_for_text(self, characters: int = 10) -> None:
        """Wait until that much of an answer is there; the first one may wait for its model."""
        self.wait(lambda: len(self.text(".answer-text")) >= characters, 150)

    def wait_for_end(self, seconds: float = 10) -> None:
        """Wait until no answer is under way."""
        self.wait(lambda: self.all(".answer") and not self.all("[aria-busy]"), seconds)

    def ask_briefly(self, question: str) -> None:
        """Ask, and stop the answer when it has begun: how long a model rambles is up to chance."""
        self.ask(question)
        self.stop_when_begun()

    def stop_when_begun(self) -> None:
        self.wait_for_text()
        if self.all("[aria-busy]"):
            self.find("#chat-text").send_keys(Keys.ESCAPE)
        self.wait_for_end()

    def resize(self, width: int, height: int) -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def complaints(self) -> list[str]:
        """What the page's console said since the last look, warnings and worse."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested_hosts(self) -> set[str]:
        """Every host:port that was asked for anything since the last look, websockets included."""
        hosts = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            parameters = message["params"]
            url = ""
            if message["method"] == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
            elif message["method"] == "Network.webSocketCreated":
                url = parameters["url"]
            # The browser's own pages have addresses of their own kind, and nothing leaves for them.
            if url.startswith(("http", "ws", "ftp")):
                hosts.add(urlsplit(url).netloc)
        return hosts


@pytest.fixture
def server(server: Appliance) -> Appliance:
    """The run's server with its model ready on the NPU, so that no other device bridges a load."""
    question = {"model": STARTER, "prompt": "Hi", "stream": False, "options": {"num_predict": 1}}
    with server.client() as client:
        headers = {"X-NPU-Proxy-Prefer-Device": "NPU"}
        assert client.post("/api/generate", json=question, headers=headers).status_code == 200
    return server


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with started_browser(tmp_path / "browser") as browser:
        yield browser


@contextlib.contextmanager
def started_browser(profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, until the end of the block."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    chauffeur = shutil.which("chromedriver")
    if not program or not chauffeur:
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chauffeur))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
