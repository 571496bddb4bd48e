"""The request log in a real browser, beside a server whose owner has prompts kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.ui import Select

from tests.appliance_process import STARTER, Appliance, change_rows, copy_home
from tests.console.conftest import Browser
from tests.console.owner import MAKE_OWNER, SESSION, SESSION_COOKIE
from tests.console.payloads import PAYLOADS

ROWS = f"""
from datetime import timedelta
from django.utils import timezone

models.Setting.objects.update_or_create(key="prompts_are_kept", defaults={{"value": True}})
payloads = {PAYLOADS!r}
texts = [payload.replace(chr(0), "") for payload in payloads]
messages = [dict(role="user", content=text, extra=dict(name=text)) for text in texts]
for number in range(70):
    text = texts[number] if number < len(texts) else "plain"
    models.RequestRecord.objects.create(
        request_id=f"req_{{number:024x}}",
        received_at=timezone.now() - timedelta(days=1, minutes=number),
        family="ollama", endpoint=text[:80], client=text[:100], model_name=text,
        execution_device="NPU" if number % 2 else "CPU", outcome="stop", explanation=text,
        chain=[dict(device="NPU", reason=text, error=text, tokens=1)], ignored=[text],
        prompt=dict(messages=messages, thinking=text, tool_calls=[text]) if number == 0 else None,
        answer=text if number == 0 else "", total_seconds=1,
    )
"""


@pytest.fixture(scope="module")
def log(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """A server with 70 requests of yesterday, whose owner logs in with SESSION."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("log") / "home")
    change_rows(home, ROWS + MAKE_OWNER)
    appliance = Appliance.start(home, NPUCONSOLE_EMULATE_NPU="1")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()


@pytest.fixture
def owner(browser: Browser, log: Appliance) -> Browser:
    cookie = {"name": SESSION_COOKIE, "value": SESSION, "url": log.url}
    browser.driver.execute_cdp_cmd("Network.setCookie", cookie)
    return browser


def ask(log: Appliance, text: str) -> None:
    """A short answer from the CPU, the same each time."""
    with log.client() as client:
        answer = client.post(
            "/api/chat",
            json={
                "model": STARTER,
                "stream": False,
                "options": {"num_predict": 4, "temperature": 0},
                "messages": [{"role": "user", "content": text}],
            },
            headers={"X-NPU-Proxy-Prefer-Device": "CPU"},
        )
    assert answer.status_code == 200


def keys(browser: Browser) -> list[str]:
    rows: list[str] = browser.run(
        "return [...document.querySelectorAll('#requests-rows > tr')].map((n) => n.dataset.key)"
    )
    return rows


def query(browser: Browser) -> str:
    return urlsplit(browser.driver.current_url).query


def test_a_new_request_comes_to_the_top_and_its_receipt_is_read_replayed_and_emptied(
    owner: Browser, log: Appliance
) -> None:
    owner.open(f"{log.url}/requests/?model={STARTER}")
    assert "No request in the log matches" in owner.text("#requests-list")
    owner.run("window.isSame = true")
    ask(log, f"Say {PAYLOADS[0]}")
    owner.wait(lambda: len(keys(owner)) == 1)
    ask(log, "Say hello.")
    owner.wait(lambda: len(keys(owner)) == 2)
    assert owner.run("return window.isSame"), "nothing was reloaded"
    assert query(owner) == f"model={STARTER}"

    owner.all("#requests-rows .row-link")[1].click()
    owner.wait(lambda: owner.all("#receipt-answer"))
    assert f"Say {PAYLOADS[0]}" in owner.text(".kept")
    assert "CPU was asked for" in owner.text("#receipt-why")
    owner.find('[data-replay="CPU"]').click()
    owner.wait(lambda: "The same answer." in owner.text(".replay-result"), 60)
    assert "4 tokens" in owner.text(".replay-result")

    owner.find("#forget-open").click()
    assert "of text go from the row of req_" in owner.text("#forget-dialog")
    owner.find("#forget").click()
    owner.wait(lambda: "Nothing is kept of this request" in owner.text(".receipt-main"))
    assert "It needs the prompt, which is not kept." in owner.text("#replay")
    assert owner.run("return window.ran") is None
    assert owner.complaints() == []


def test_filters_are_in_the_address_and_new_rows_wait_while_somebody_points_at_the_list(
    owner: Browser, log: Appliance
) -> None:
    owner.open(f"{log.url}/requests/")
    owner.run("window.isSame = true")
    Select(owner.find('[name="device"]')).select_by_value("CPU")
    owner.wait(lambda: query(owner) == "device=CPU")
    owner.wait(lambda: set(owner.text("#requests-rows .where .chip").split()) == {"CPU"})
    Select(owner.find('[name="time"]')).select_by_value("1h")
    owner.wait(lambda: query(owner) == "device=CPU&time=1h")
    owner.driver.back()
    owner.wait(lambda: query(owner) == "device=CPU")
    owner.wait(lambda: owner.find('[name="time"]').get_attribute("value") == "")
    owner.wait(lambda: "plain" in owner.text("#requests-rows"))
    assert owner.run("return window.isSame"), "nothing was reloaded"

    ActionChains(owner.driver).move_to_element(owner.find("#requests-rows .what")).perform()
    before = keys(owner)
    ask(log, "Say no.")
    owner.wait(lambda: owner.text("#requests-waiting") == "Show 1 new request")
    assert keys(owner) == before
    owner.find("#requests-waiting").click()
    owner.wait(lambda: keys(owner)[1 : len(before)] == before[: len(before) - 1])
    assert owner.complaints() == []


def test_what_was_stored_is_text_on_every_page_and_fits_a_phone(
    owner: Browser, log: Appliance
) -> None:
    receipt = "/requests/req_000000000000000000000000/"
    with_all = ("/requests/", receipt)
    owner.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": "window.alert = () => { window.ran = 'alert'; }"},
    )
    owner.open(log.url + receipt)
    shown = owner.text("main")
    assert all(part in shown for part in ("<img src=x onerror=", "[click](javascript:", "{% debug"))
    row = owner.run("return document.querySelectorAll('.kept').length")
    assert row > len(PAYLOADS)
    for path in (*with_all, "/admin/inference/requestrecord/"):
        owner.open(log.url + path)
        assert owner.run("return window.ran") is None, path
        assert owner.driver.current_url == log.url + path
        if path.startswith("/admin/"):
            owner.run("document.querySelector('#result_list a[href*=\"change\"]').click()")
            owner.wait(lambda: "/change/" in owner.driver.current_url)
            assert owner.run("return window.ran") is None, "the admin's page of one row"
    owner.resize(390, 844)
    for path in with_all:
        owner.open(log.url + path)
        assert owner.run("return document.documentElement.scrollWidth <= innerWidth"), path
    assert owner.requested_hosts() == {f"127.0.0.1:{log.port}"}
