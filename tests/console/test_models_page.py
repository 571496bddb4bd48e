"""The pages of installed models in a real browser: what each device does, load, pin, presets,
verify, rename, delete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.appliance_process import STARTER, Appliance
from tests.console.conftest import Browser

POET = "poet:1b"


@pytest.fixture
def poet(server: Appliance) -> Iterator[str]:
    """A copy of the starter that a test may do anything to."""
    with server.client() as client:
        client.post("/api/copy", json={"source": STARTER, "destination": POET})
        yield POET
        for name in (POET, "bard:1b"):
            client.request("DELETE", "/api/delete", json={"model": name})


def press(browser: Browser, css: str) -> None:
    """Wait until it can be seen, and press it; once more if it is drawn anew in that moment."""

    def pressed() -> bool:
        shown = [one for one in browser.all(css) if one.is_displayed()]
        if shown:
            browser.run("arguments[0].scrollIntoView({block: 'center'})", shown[0])
            shown[0].click()
        return bool(shown)

    browser.wait(pressed)


def row_of(browser: Browser, model: str) -> str:
    return browser.text(f'tr[data-model="{model}"]')


def test_every_model_has_a_verdict_for_every_device_and_shows_where_it_is_loaded(
    browser: Browser, server: Appliance, poet: str
) -> None:
    browser.open(f"{server.url}/models/")
    heads = [head.text for head in browser.all(".matrix thead th")]
    assert heads[:4] == ["Model", "NPU", "GPU", "CPU"]
    row = f'tr[data-model="{poet}"]'
    cells = browser.all(f"{row} td[data-name]")
    assert len(cells) == 3
    assert all(cell.find_element("css selector", ".verdict").text for cell in cells)
    assert "MB" in browser.text(f"{row} .matrix-facts")
    assert "free" in browser.text(".models-disk")

    press(browser, f'{row} [data-name="CPU"] [data-do="load"]')
    browser.wait(lambda: "unloads in 4:" in row_of(browser, poet))
    assert not browser.find(f'{row} [data-name="CPU"] [data-do="load"]').is_displayed()

    press(browser, f'{row} [data-name="CPU"] [data-do="pin"]')
    browser.wait(lambda: "Pinned" in row_of(browser, poet) and "kept" in row_of(browser, poet))
    press(browser, f"{row} [data-unload]")
    browser.wait(lambda: "pinned to CPU" in browser.text("#models-errors"))
    browser.find("#models-errors button").click()
    assert browser.text("#models-errors") == ""
    press(browser, f'{row} [data-name="CPU"] [data-do="pin"]')
    browser.wait(lambda: "Pinned" not in row_of(browser, poet))
    press(browser, f"{row} [data-unload]")
    browser.wait(lambda: "loaded" not in row_of(browser, poet))
    complaints = browser.complaints()
    assert all("409" in one for one in complaints), "of the refusal above it may"


def test_presets_are_edited_on_a_model_or_make_a_new_one(
    browser: Browser, server: Appliance, poet: str
) -> None:
    browser.open(f"{server.url}/models/{poet}/")
    form = "#models-presets"
    browser.find(f'{form} [name="system"]').send_keys("Rhyme always.")
    heat = browser.find(f'{form} [name="temperature"]')
    heat.clear()
    heat.send_keys("0.25")
    press(browser, "#models-add-turn")
    browser.find(f'{form} [name="content"]').send_keys("Hello")
    press(browser, f'{form} [type="submit"]')
    browser.wait(lambda: browser.text("#models-presets-state") == "Saved")
    with server.client() as client:
        told = client.post("/api/show", json={"model": poet}).json()
    assert told["system"] == "Rhyme always."
    assert "temperature" in told["parameters"] and "0.25" in told["parameters"]
    assert told["messages"] == [{"role": "user", "content": "Hello"}]

    template = browser.find(f'{form} [name="template"]')
    press(browser, f"{form} details > summary")
    template.send_keys("{% for %}")
    press(browser, f'{form} [type="submit"]')
    browser.wait(lambda: "template is not valid" in browser.text(f"{form} .form-error"))
    assert template.get_attribute("aria-invalid") == "true"
    template.send_keys(Keys.CONTROL, "a")
    template.send_keys(Keys.DELETE)

    press(browser, f'{form} [value="new"]')
    browser.find(f'{form} [name="new_name"]').send_keys("bard:1b")
    press(browser, f'{form} [type="submit"]')
    browser.wait(lambda: browser.driver.current_url.endswith("/models/bard:1b/"))
    assert browser.find(f'{form} [name="system"]').get_attribute("value") == "Rhyme always."
    assert poet in browser.text(".facts")


def test_a_model_is_verified_renamed_and_deleted_and_the_dialog_names_it_and_the_bytes(
    browser: Browser, server: Appliance, poet: str
) -> None:
    browser.open(f"{server.url}/models/{poet}/")
    press(browser, '[data-do="verify"]')
    browser.wait(lambda: "Whole: " in browser.text("#models-jobs"))
    browser.open(f"{server.url}/models/{poet}/")
    assert "every byte as installed" in browser.text("#models-jobs"), "it stays over a reload"
    press(browser, '#models-jobs [data-do="dismiss"]')
    browser.wait(lambda: "Whole: " not in browser.text("#models-jobs"))

    press(browser, '[data-show="rename"]')
    name = browser.find('#models-rename [name="new_name"]')
    name.clear()
    name.send_keys(STARTER, Keys.ENTER)
    browser.wait(lambda: "already" in browser.text("#models-rename .form-error"))
    name.clear()
    name.send_keys("bard:1b", Keys.ENTER)
    browser.wait(lambda: browser.text("h1") == "bard:1b")

    press(browser, "[data-dialog]")
    browser.wait(lambda: "Delete bard:1b?" in browser.text("#models-dialog"))
    dialog = browser.text("#models-dialog")
    assert f"MB of its files stay: {STARTER} has them too" in dialog
    browser.find("#models-dialog").send_keys(Keys.ESCAPE)
    assert browser.run("return document.activeElement.hasAttribute('data-dialog')")
    press(browser, "[data-dialog]")
    press(browser, '#models-dialog [type="submit"]')
    browser.wait(lambda: browser.driver.current_url.endswith("/models/"))
    assert "bard:1b" not in browser.text(".matrix")
