"""Finding and pulling a model in two real browsers at once, from a hub on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appliance_process import Appliance, copy_home
from tests.catalog.loopback_hub import LoopbackHub, asking
from tests.catalog.tiny_gguf import tiny_decoder, write_gguf
from tests.conftest import StartAppliance
from tests.console.conftest import Browser, started_browser
from tests.console.test_models_page import press

REPOSITORY = "someone/tiny-GGUF"
MODEL = f"{REPOSITORY}:latest"
FOUND = f'.found[data-model="{MODEL}"]'
JOB = f'.job[data-model="{MODEL}"]'
ROW = f'tr[data-model="{MODEL}"]'


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LoopbackHub]:
    """A slow hub with one small model."""
    folder = tmp_path / "repository"
    folder.mkdir()
    path = folder / "tiny-Q8_0.gguf"
    write_gguf(path, tiny_decoder("llama"))
    server = LoopbackHub({REPOSITORY: folder})
    server.misbehaviour.bytes_per_second = path.stat().st_size // 20
    yield server
    server.close()


@pytest.fixture
def appliance(
    hub: LoopbackHub, starter_home: Path, tmp_path: Path, start_appliance: StartAppliance
) -> Appliance:
    """A server that asks that hub."""
    home = copy_home(starter_home, tmp_path / "home")
    started = start_appliance(home, **asking(hub, tmp_path))
    started.wait_until_started()
    return started


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Browser]:
    """Somebody else's browser."""
    with started_browser(tmp_path / "other") as browser:
        yield browser


def test_two_browsers_see_the_same_job_and_both_find_the_model_when_it_is_there(
    browser: Browser, other: Browser, hub: LoopbackHub, appliance: Appliance
) -> None:
    other.open(f"{appliance.url}/models/")
    browser.open(f"{appliance.url}/models/find/?q=tiny-GGUF")
    browser.wait(lambda: browser.all(FOUND))
    press(browser, f"{FOUND} [hx-get]")
    browser.wait(lambda: "free" in browser.text(f"{FOUND} .fit"))
    assert "CPU" in browser.text(f"{FOUND} .fit-rows")

    press(browser, f'{FOUND} .fit [data-do="pull"]')
    both = (browser, other)
    browser.wait(lambda: all("kB of" in one.text(JOB) for one in both))
    assert all("downloading" in one.text(JOB) for one in both)
    assert "pulling" in browser.text(f"{FOUND} [data-job]")

    share = f'{JOB} .progress:not([aria-valuenow="0"])'
    browser.wait(lambda: all(one.all(share) for one in both))
    press(other, f'{JOB} [data-do="pause"]')
    browser.wait(lambda: all("paused" in one.text(f"{JOB} .job-state") for one in both))
    for one in both:
        one.driver.refresh()
    browser.wait(lambda: all(one.all(share) for one in both))
    shares = [one.find(f"{JOB} .progress").get_attribute("aria-valuenow") for one in both]
    assert shares[0] == shares[1]

    hub.misbehaviour.bytes_per_second = 0
    press(browser, f'{JOB} [data-do="resume"]')
    browser.wait(lambda: all("done" in one.text(f"{JOB} .job-state") for one in both), 60)
    other.wait(lambda: other.all(ROW))  # nobody has reloaded its page

    press(other, f'{ROW} a[aria-label^="Details"]')
    press(other, "[data-dialog]")
    other.wait(lambda: f"Delete {MODEL}?" in other.text("#models-dialog"))
    assert "This frees" in other.text("#models-dialog")
    press(other, '#models-dialog [type="submit"]')
    other.wait(lambda: other.driver.current_url.endswith("/models/"))
    assert not other.all(ROW)

    _a_name_that_nobody_knows_is_told_until_it_is_dismissed(browser, appliance)
    assert [one.complaints() for one in both] == [[], []]
    assert browser.requested_hosts() == {f"127.0.0.1:{appliance.port}"}


def _a_name_that_nobody_knows_is_told_until_it_is_dismissed(
    browser: Browser, appliance: Appliance
) -> None:
    browser.open(f"{appliance.url}/models/find/?q=nobody/nothing")
    press(browser, '.found[data-model="nobody/nothing"] [data-do="pull"]')
    job = '.job[data-model="nobody/nothing:latest"]'
    browser.wait(lambda: "does not have this model" in browser.text(job))
    browser.driver.refresh()
    browser.wait(lambda: "does not have this model" in browser.text(job))
    press(browser, f'{job} [data-do="forget"]')
    browser.wait(lambda: not browser.all(job))
