"""The configuration as a file on the command line, while a server runs and without one."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.appliance_process import Appliance
from tests.npuconsole.test_cli import free_port, run


def test_an_import_shows_then_changes_what_the_running_server_does(
    server: Appliance, tmp_path: Path
) -> None:
    exported = run(server.home, "export-config")
    assert exported.returncode == 0, exported.stderr
    file = tmp_path / "kept.toml"
    limit = next(line for line in exported.stdout.splitlines() if line.startswith("token_limit = "))
    file.write_text(exported.stdout.replace(limit, "token_limit = 3", 1))

    shown = run(server.home, "import-config", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "RoutingPolicy.token_limit" in shown.stdout
    assert "1 would change" in shown.stdout

    def route() -> str:
        with server.client() as client:
            body = {"model": "smollm2:135m", "prompt": "one two three four five six seven"}
            return str(client.post("/api/npu/route", json=body).json()["explanation"])

    before = route()
    changed = run(server.home, "import-config", str(file), "--apply")
    assert changed.returncode == 0, changed.stderr
    assert "Changed: 1." in changed.stdout
    assert "limit of 3" in route()
    file.write_text(exported.stdout)
    assert run(server.home, "import-config", str(file), "--apply").returncode == 0
    assert route() == before


def test_a_file_that_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("format = 1\n[settings]\nhost = '203.0.113.9'\n")
    done = run(tmp_path / "home", "import-config", str(file), "--apply")
    assert done.returncode == 1
    assert "Setting.host.value: 203.0.113.9 is no address or name of this machine." in done.stdout
    assert "Nothing is changed" in done.stderr


def test_the_doctor_writes_a_bundle_without_a_server(tmp_path: Path) -> None:
    bundle = tmp_path / "support.zip"
    done = run(
        tmp_path / "home", "doctor", "--bundle", str(bundle), NPU_PROXY_PORT=str(free_port())
    )
    assert done.returncode == 0, done.stdout
    assert "look into it before you send it" in done.stdout
    with zipfile.ZipFile(bundle) as archive:
        assert str(tmp_path) not in archive.read("doctor.txt").decode()
        assert "Data folder" in archive.read("doctor.txt").decode()
