"""What all rooms' tests share: Django on a data folder of the run's own, and real servers.

The fixtures `server`, `start_appliance` and `starter_home` run the real `manage.py serve`; the
fixture `rows` gives tests in this process an empty database.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.appliance_process import (
    EXTRAS,
    Appliance,
    copy_home,
    make_compress_extra,
    make_starter_home,
)

_HOME = tempfile.mkdtemp(prefix="npuconsole-tests-")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: no variable of this machine's owner counts."""
    for name in list(os.environ):
        if name.startswith(("NPU_PROXY_", "NPUCONSOLE_")) or name == "DATABASE_URL":
            del os.environ[name]
    os.environ["NPUCONSOLE_HOME"] = _HOME
    os.environ["NPUCONSOLE_EXTRAS"] = str(EXTRAS)
    os.environ["DJANGO_SETTINGS_MODULE"] = "npuconsole.settings"
    import django

    django.setup()
    # How long an example takes says how busy the machine is.
    settings.register_profile(
        "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("untimed")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_HOME, ignore_errors=True)


StartAppliance = Callable[..., Appliance]


@pytest.fixture(scope="session")
def starter_home() -> Path:
    """A data folder in which the starter model is installed. Kept between runs; do not change it:
    servers get a copy of it (`copy_home`)."""
    return make_starter_home()


@pytest.fixture(scope="session")
def compress_extra() -> Path:
    """The folder with the libraries that compressing needs."""
    return make_compress_extra()


@pytest.fixture
def start_appliance(tmp_path: Path) -> Iterator[StartAppliance]:
    """Starts servers for one test: `start_appliance(home=…, NPU_PROXY_DEVICE="CPU")`. They are
    stopped after it."""
    started: list[Appliance] = []

    def start(home: Path | None = None, **variables: str) -> Appliance:
        appliance = Appliance.start(home or tmp_path / f"home-{len(started)}", **variables)
        started.append(appliance)
        return appliance

    yield start
    for appliance in started:
        appliance.stop()


@pytest.fixture(scope="session")
def server(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """One server with the starter model and the emulated NPU, for all tests that only ask it."""
    home = copy_home(starter_home, tmp_path_factory.mktemp("server") / "home")
    appliance = Appliance.start(home, NPUCONSOLE_EMULATE_NPU="1")
    appliance.wait_until_started()
    yield appliance
    appliance.stop()


@pytest.fixture(scope="session")
def _tables() -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


@pytest.fixture
def rows(_tables: None) -> Iterator[None]:
    """The database with the rows of a first start and nothing else."""
    from django.core.management import call_command

    from inference import configuration, snapshot

    call_command("flush", verbosity=0, interactive=False)
    configuration.ensure_default_rows()
    snapshot.replace_with(configuration.load())
    yield
    call_command("flush", verbosity=0, interactive=False)
    snapshot.replace_with(snapshot.Snapshot())


@pytest.fixture
def environment_variable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Sets a variable for one test, as if the process had been started with it."""
    from inference import environment

    def set_variable(name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        environment.reload()

    yield set_variable
    monkeypatch.undo()
    environment.reload()
