"""The pages of the settings in a real browser: edited, saved, undone; imported; looked after."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.appliance_process import Appliance
from tests.console.conftest import Browser


def type_over(browser: Browser, css: str, text: str) -> None:
    field = browser.find(css)
    field.clear()
    field.send_keys(text)


def test_a_setting_is_marked_saved_in_force_at_once_and_undone(
    browser: Browser, server: Appliance
) -> None:
    browser.open(f"{server.url}/settings/")
    group = "#group-answers"
    assert not browser.find(f"{group} [data-save]").is_enabled()
    type_over(browser, "#field-keep_alive_seconds", "61")
    assert browser.text("#setting-keep_alive_seconds .was") == "was 300"
    assert browser.text(f"{group} [data-save]") == "Save 1 change"
    browser.find(f"{group} [data-save]").click()
    browser.wait(lambda: "300 → 61" in browser.text(f"{group} .said"))
    with server.client() as client:
        assert "keep_alive_seconds = 61.0" in client.get("/settings/file/export/").text

    type_over(browser, "#field-keep_alive_seconds", "soon")
    browser.find(f"{group} [data-save]").click()
    browser.wait(lambda: browser.text(f"{group} .error") == "Allowed: seconds; negative: for ever.")
    assert browser.run("return document.activeElement.id") == "field-keep_alive_seconds"
    type_over(browser, "#field-keep_alive_seconds", "62")
    browser.find(f"{group} [data-save]").click()
    browser.wait(lambda: "61 → 62" in browser.text(f"{group} .said"))
    browser.find(f"{group} .said button").click()
    browser.wait(lambda: "62 → 61" in browser.text(f"{group} .said"))
    assert not browser.complaints()


def test_a_locked_field_names_its_variable_and_an_address_is_tried(
    browser: Browser, server: Appliance
) -> None:
    browser.open(f"{server.url}/settings/")
    assert "NPU_PROXY_PORT" in browser.text("#setting-port")
    assert not browser.find("#field-port").is_enabled()
    assert str(server.home / "models") in browser.text("#main")
    if browser.find("#field-host").is_enabled():
        type_over(browser, "#field-host", "203.0.113.9")
        browser.find("#group-network [data-save]").click()
        browser.wait(lambda: "no address or name of this machine" in browser.text(".error"))


def test_on_a_phone_the_page_has_theme_admin_and_version(
    browser: Browser, server: Appliance
) -> None:
    browser.resize(390, 844)
    browser.open(f"{server.url}/settings/")
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    browser.find("#settings-theme").click()
    browser.wait(lambda: browser.text("#settings-theme-words") == "Light theme")
    assert browser.run("return document.documentElement.dataset.theme") == "light"
    assert browser.find('#main a[href="/admin/"]').is_displayed()
    assert "npuconsole" in browser.text(".this-console .row:last-child dd")


def test_an_import_shows_first_what_it_would_change(browser: Browser, server: Appliance) -> None:
    browser.open(f"{server.url}/settings/file/")
    text = (
        "format = 1\n[settings]\nport = 1\nload_timeout_seconds = {}\n[routing]\ntoken_limit = {}\n"
    )
    field = browser.find("textarea[name=text]")
    field.send_keys(text.format("'never'", 700))
    browser.find(".import button").click()
    browser.wait(lambda: "Cannot be" in browser.text(".preview"))
    assert "Longest load: Allowed: seconds from 1 to 86400." in browser.text(".preview .error")
    assert not browser.all(".preview button")

    field.clear()
    field.send_keys(text.format(601, 700))
    browser.find(".import button").click()
    browser.wait(lambda: browser.text(".preview button") == "Apply 2 changes")
    assert browser.text(".differences del") == "600\n1,800"
    assert browser.text(".differences ins") == "601\n700"
    assert "NPU_PROXY_PORT sets it here" in browser.text(".passed")
    browser.find(".preview button").click()
    browser.wait(lambda: "Changed: 2." in browser.text(".preview"))
    with server.client() as client:
        exported = client.get("/settings/file/export/").text
        assert "token_limit = 700" in exported
        assert "load_timeout_seconds = 601.0" in exported
    assert not browser.complaints()


def test_the_doctor_looks_again_and_gives_a_bundle(browser: Browser, server: Appliance) -> None:
    browser.open(f"{server.url}/settings/doctor/")
    words = browser.text("#doctor")
    for part in ("Devices", "Models", "Storage", "Network", "Software"):
        assert part in words
    assert "this machine only" in words
    browser.find("#doctor .doctor-actions button:last-child").click()
    browser.wait(lambda: browser.text(".doctor-said") == "Looked again.")
    with server.client() as client:
        answer = client.get("/settings/doctor/support.zip")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {"doctor.txt", "configuration.toml", "log.txt"} <= set(names)
    assert not browser.complaints()


@pytest.mark.parametrize(
    "path",
    ["/settings/file/import/", "/settings/apply/network/", "/settings/doctor/mend/"],
)
def test_nothing_is_changed_for_another_site(server: Appliance, path: str) -> None:
    with server.client() as client:
        answer = client.post(path, data={"text": "format = 1"})
    assert answer.status_code == 403
