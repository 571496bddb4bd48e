"""What must hold on every page, in both themes, on a wide screen and on a phone."""

from __future__ import annotations

from importlib import resources
from urllib.parse import urlsplit

import pytest

from npuconsole.console.pages import PAGES
from tests.appliance_process import STARTER, Appliance
from tests.console.conftest import Browser

AXE = resources.files("axe_playwright_python") / "axe.min.js"
SERIOUS = ("serious", "critical")
ALSO = ("/models/find/", f"/models/{STARTER}/", "/settings/doctor/", "/welcome/")
NARROWEST = 320
LOOKS = [("light", 1440), ("dark", 1440), ("dark", 390), ("light", 390)]


@pytest.fixture
def receipt(server: Appliance) -> str:
    """The address of the receipt of a request."""
    with server.client() as client:
        answer = client.post(
            "/api/generate",
            json={"model": STARTER, "prompt": "Hi", "stream": False, "options": {"num_predict": 4}},
        )
        return f"/requests/{answer.headers['X-Request-ID']}/"


def test_pages_are_accessible_quiet_and_their_own(
    browser: Browser, server: Appliance, receipt: str
) -> None:
    browser.open(server.url)
    for path in [*(page.url for page in PAGES), *ALSO, receipt]:
        browser.resize(1440, 900)
        browser.open(server.url + path)
        browser.wait(lambda: browser.text("#total-rate"))
        browser.run(AXE.read_text(encoding="utf-8"))
        for theme, width in LOOKS:
            browser.resize(width, 900)
            browser.run("document.documentElement.dataset.theme = arguments[0]", theme)
            wrong = violations(browser)
            assert not wrong, "\n".join([f"{path}, {theme}, {width} px:", *wrong])
        browser.resize(NARROWEST, 900)
        reaches = browser.run("return document.documentElement.scrollWidth")
        assert reaches <= NARROWEST, f"{path} scrolls sideways"
        assert browser.complaints() == [], path
    assert browser.requested_hosts() == {urlsplit(server.url).netloc}


def violations(browser: Browser) -> list[str]:
    """What axe finds on the page that is open and calls serious or worse."""
    found = browser.driver.execute_async_script(
        "axe.run({resultTypes: ['violations']}).then((all) => arguments[0](all.violations))"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
