"""The support bundle says what is needed and nothing that is the owner's own business."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inference import environment
from inference.models import Model, RequestRecord, Setting
from npuconsole.remarks import Remark
from npuconsole.support.bundle import bare_log, build
from npuconsole.support.redaction import Redactor

SetVariable = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://me:pw@db:5432/x", "postgres://<hidden>@db:5432/x"),
        ("token hf_abcDEF1234567 used", "token <key> used"),
        ("key sk-ant-abc_DEF-123456", "key <key>"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer <key>"),
        ('{"api_key": "swordfish"}', '{"api_key": "<hidden>"}'),
        ("password=swordfish, next", "password=<hidden>, next"),
        ("/home/ada/models/x.gguf", "<home>/models/x.gguf"),
        (r"C:\Users\Ada\models", r"<home>\models"),
        ("in /root/.cache", "in <home>/.cache"),
        ("from 192.168.1.20 and 127.0.0.1", "from <address> and 127.0.0.1"),
        ("from fe80::1:2 at 13:59:25", "from <address> at 13:59:25"),
        ("PCI 0000:00:0b.0, driver 32.0.100.3104", "PCI 0000:00:0b.0, driver 32.0.100.3104"),
        ("ada@example.org wrote", "<mail> wrote"),
        ("token_limit = 1800", "token_limit = 1800"),
        ("ada's box, not adamant", "<user>'s box, not adamant"),
    ],
)
def test_what_must_not_leave_is_replaced_and_the_rest_stays(text: str, expected: str) -> None:
    assert Redactor(names=[("ada", "<user>")])(text) == expected


def test_of_the_log_only_its_own_lines_and_places_of_errors_stay() -> None:
    log = (
        "2026-11-25 10:00:00,123 INFO    apis.calls: req_1 POST /api/chat: 400 my secret plan\n"
        "2026-11-25 10:00:01,123 ERROR   inference.relay: req_2 failed\n"
        "Traceback (most recent call last):\n"
        '  File "/opt/x/relay.py", line 3, in run\n'
        "    raise ValueError(prompt)\n"
        "ValueError: my secret plan\n"
        "my secret plan, second line\n"
    )
    bare = bare_log(log)
    assert "secret plan" not in bare
    assert "req_1 POST /api/chat: 400\n" in bare
    assert 'File "/opt/x/relay.py", line 3, in run\nValueError\n' in bare


def test_the_bundle_has_the_facts_and_no_prompts_keys_or_folders(
    rows: None, environment_variable: SetVariable, tmp_path: Path
) -> None:
    home = tmp_path / "home-of-ada"
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "npuconsole.log").write_text(
        f"2026-11-25 10:00:00,123 INFO    x: opened {home}/models with hf_abcdefgh12345\n"
    )
    environment_variable("NPUCONSOLE_HOME", str(home))
    environment_variable("SOME_API_KEY", "swordfish-and-chips")
    Setting.objects.filter(key="embedding_model").update(value="swordfish-and-chips")
    Model.objects.create(
        name="tiny:1b", status="ready", family="llama", digest="0" * 64, system="my secret plan"
    )
    RequestRecord.objects.create(
        request_id="req_1",
        received_at=datetime.now(UTC),
        family="ollama",
        endpoint="/api/chat",
        client="192.168.7.7",
        model_name="tiny:1b",
        outcome="invalid_request",
        error="invalid format: my secret plan",
        prompt=[{"role": "user", "content": "my secret plan"}],
        answer="my secret plan",
    )
    packed = build([Remark("Data folder", f"{environment.home()}, 3.0 GB free")])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(texts) == {
        "README.txt",
        "configuration.toml",
        "devices.json",
        "doctor.txt",
        "log.txt",
        "models.json",
        "packages.txt",
        "requests.json",
    }
    everything = "\n".join(texts.values())
    for secret in ("secret plan", "swordfish", "hf_abc", "192.168.7.7", "home-of-ada"):
        assert secret not in everything
    assert "opened <models folder> with <key>" in texts["log.txt"]
    assert "<data folder>, 3.0 GB free" in texts["doctor.txt"]
    assert "req_1" in texts["requests.json"]
    assert "tiny:1b" in texts["models.json"]
    assert "Django==" in texts["packages.txt"]
