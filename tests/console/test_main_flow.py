"""What a new owner does in the first minutes, in a real browser: from the first page to a model
from a hub, a streamed answer, a rule changed, and the receipt of the request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from inference.catalog.known.catalogue import catalogue
from tests.appliance_process import Appliance, copy_home
from tests.catalog.exports import write_export
from tests.catalog.loopback_hub import LoopbackHub, asking
from tests.conftest import StartAppliance
from tests.console.conftest import Browser

LIMIT = '[name="RoutingPolicy.token_limit"]'
PROMPT = "All the world is a stage, and all the men and women merely players. " * 20


@pytest.fixture
def hub(starter_home: Path, tmp_path: Path) -> Iterator[LoopbackHub]:
    """A hub that has every known model, whichever suits this machine best: all have the starter's
    files, so that none is large."""
    (starter,) = (path.parent for path in starter_home.rglob("openvino_model.xml"))
    folder = write_export(tmp_path / "export", starter, files=0, size_bytes=0, seed=0)
    repositories = {
        export.repository: folder
        for model in catalogue().models
        for export in model.exports
        if export.repository
    }
    server = LoopbackHub(repositories)
    yield server
    server.close()


@pytest.fixture
def appliance(
    hub: LoopbackHub, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> Appliance:
    """A new server that asks that hub."""
    home = copy_home(starter_home, tmp_path / "home", is_new=True)
    started = start_appliance(home, **asking(hub, tmp_path), NPUCONSOLE_EMULATE_NPU="1")
    started.wait_until_started()
    return started


def test_from_the_first_page_to_the_receipt_of_a_request(
    browser: Browser, appliance: Appliance
) -> None:
    browser.open(appliance.url)
    browser.wait(lambda: "CPU" in browser.text("#found"))
    browser.find("#skip").click()  # the first click
    best = "#offers .offer:first-child [data-get]"
    browser.wait(lambda: "fits" in browser.text("#offers .offer:first-child"))
    model = browser.find(best).get_attribute("data-get")
    assert model
    browser.find(best).click()  # the second
    browser.wait(lambda: "/chat/?to=" in browser.driver.current_url, 60)
    browser.wait(lambda: browser.find("#chat-text").is_enabled())
    browser.find(".examples button:not([data-npu])").click()  # the third
    browser.stop_when_begun()
    assert browser.text(".receipt .chip") in ("NPU", "CPU")
    assert browser.text(".receipt-why")

    browser.find('.rail a[href="/routing/"]').click()
    browser.wait(lambda: browser.all("#dry-run-prompt"))
    browser.find("#dry-run-prompt").send_keys(PROMPT)
    browser.wait(lambda: "NPU" in browser.text(".decision-head"))
    browser.find(LIMIT).send_keys(Keys.CONTROL + "a" + Keys.NULL, "100")
    browser.wait(lambda: browser.all(".pending"))
    browser.find("#routing-apply").click()
    browser.wait(lambda: "Applied" in browser.text("#routing-said"))
    browser.wait(
        lambda: len(browser.all(".decision-run")) == 1 and "CPU" in browser.text(".decision-head")
    )
    assert "limit of 100" in browser.text(".decision-words")

    with appliance.client() as client:
        answer = client.post(
            "/v1/chat/completions",
            json={
                "model": model,
                "max_tokens": 4,
                "messages": [{"role": "user", "content": PROMPT}],
            },
        )
    assert answer.headers["X-NPU-Proxy-Execution-Device"] == "CPU"
    browser.find('.rail a[href="/requests/"]').click()
    browser.wait(lambda: browser.all("#requests-rows .row-link"))
    browser.find("#requests-rows .row-link").click()
    browser.wait(lambda: browser.all("#receipt-why"))
    assert answer.headers["X-Request-ID"] in browser.driver.current_url
    assert "over the NPU's limit of 100" in browser.text("#receipt-why")
    assert browser.complaints() == []
    assert browser.requested_hosts() == {f"127.0.0.1:{appliance.port}"}
