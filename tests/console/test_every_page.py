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


def addresses() -> list[str]:
    return [*(page.url for page in PAGES), *ALSO]


@pytest.fixture(scope="module")
def receipt(server: Appliance) -> str:
    """The address of the receipt of a request."""
    with server.client() as client:
        answer = client.post(
            "/api/generate",
            json={"model": STARTER, "prompt": "Hi", "stream": False, "options": {"num_predict": 4}},
        )
        return f"/requests/{answer.headers['X-Request-ID']}/"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_quiet_and_their_own(
    browser: Browser, server: Appliance, receipt: str, theme: str, width: int
) -> None:
    browser.open(server.url)
    browser.run("localStorage.setItem('adminTheme', JSON.stringify(arguments[0]))", theme)
    browser.resize(width, 900)
    for path in [*addresses(), receipt]:
        browser.open(server.url + path)
        browser.wait(lambda: browser.text("#total-rate"))
        assert browser.run("return document.documentElement.dataset.theme") == theme
        reaches = browser.run("return document.documentElement.scrollWidth")
        assert reaches <= width, f"{path} scrolls sideways"
        browser.run(AXE.read_text(encoding="utf-8"))
        found = browser.driver.execute_async_script(
            "axe.run().then((result) => arguments[0](result.violations))"
        )
        wrong = [
            f"{path}: {one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
        assert not wrong, "\n".join(wrong)
        assert browser.complaints() == [], path
    assert browser.requested_hosts() == {urlsplit(server.url).netloc}
