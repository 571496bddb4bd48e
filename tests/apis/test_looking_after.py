"""Verifying, mending, renaming and deleting models, on a server of this module's own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.appliance_process import Appliance, change_rows, copy_home, polls
from tests.catalog.tiny_gguf import byte_tokenizer, tiny_decoder, write_gguf
from tests.npuconsole.test_cli import run

USER = [{"role": "user", "content": "Say hello."}]
LIMITS = {"num_predict": 2}
OWNER = (
    "from django.contrib.auth.models import User; User.objects.create_superuser('owner', '', 'x')"
)


@pytest.fixture(scope="module")
def own(starter_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    home = copy_home(starter_home, tmp_path_factory.mktemp("upkeep") / "home")
    drop = home / "models" / "import"
    drop.mkdir(exist_ok=True)
    model = tiny_decoder("llama")
    model.values |= byte_tokenizer()
    write_gguf(drop / "tiny.gguf", model)
    change_rows(home, OWNER)
    variables = {"NPU_PROXY_DEVICE": "CPU", "NPU_PROXY_IMPORT_DROPPED": "1"}
    with (
        Appliance.running(home, **variables, HF_ENDPOINT="http://127.0.0.1:9") as appliance,
        appliance.client() as client,
    ):
        answer = client.post("/api/pull", json={"model": "file:tiny.gguf", "stream": False})
        assert answer.json() == {"status": "success"}, answer.text
        copied = client.post("/api/copy", json={"source": "tiny", "destination": "twin"})
        assert copied.status_code == 200
        yield appliance


@pytest.fixture
def client(own: Appliance) -> Iterator[httpx.Client]:
    with own.client() as client:
        yield client


def generate(client: httpx.Client, model: str) -> httpx.Response:
    body = {"model": model, "prompt": "x", "stream": False, "options": LIMITS}
    return client.post("/api/generate", json=body)


def verify(client: httpx.Client, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/npu/models/verify", json=body)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def names(client: httpx.Client) -> set[str]:
    return {model["name"] for model in client.get("/api/tags").json()["models"]}


def flip_a_bit(own: Appliance, model: str = "tiny") -> None:
    (path,) = (own.home / "models" / "installed").glob(f"{model}@*/openvino_model.bin")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_model_is_verified_file_by_file(client: httpx.Client) -> None:
    lines = verify(client, model="tiny")
    assert lines[-1]["status"] == "success"
    (form,) = lines[-1]["variants"]
    assert form["models"] == ["tiny:latest", "twin:latest"]
    assert {file["state"] for file in form["files"]} == {"ok"}
    weights = [line for line in lines if line["status"] == "verifying openvino_model.bin"]
    assert weights[-1]["completed"] == weights[-1]["total"]
    assert weights[-1]["digest"].startswith("sha256:")


def test_a_flipped_bit_takes_the_model_out_of_use_until_it_is_pulled_again(
    own: Appliance, client: httpx.Client
) -> None:
    assert generate(client, "tiny").status_code == 200
    flip_a_bit(own)

    end = verify(client, model="tiny")[-1]

    assert end["status"] == "damaged"
    states = {file["name"]: file["state"] for file in end["variants"][0]["files"]}
    assert states["openvino_model.bin"] == "changed"
    assert not {"tiny:latest", "twin:latest"} & names(client)
    assert "tiny:latest" not in client.get("/api/ps").text
    body: dict[str, Any] = {"model": "twin", "messages": USER, "max_tokens": 2}
    for path, key in (("/v1/chat/completions", "message"), ("/v1/messages", "message")):
        answer = client.post(path, json=body)
        assert answer.status_code == 503
        assert "npuconsole verify twin:latest --repull" in answer.json()["error"][key]
    answer = generate(client, "tiny")
    assert answer.status_code == 503
    assert "was found damaged" in answer.json()["error"]
    report = client.get("/api/npu/doctor").json()
    assert not report["ok"]
    assert {thing["check"] for thing in report["findings"] if thing["is_wrong"]} == {"quarantine"}

    again = verify(client, model="tiny", repull=True)

    assert any(line["status"].startswith("pulling") for line in again)
    assert again[-1]["status"] == "success"
    assert again[-1]["pulled"] == ["tiny:latest"]
    assert generate(client, "tiny").status_code == 200
    assert generate(client, "twin").status_code == 200
    client.post("/api/npu/doctor", json={"fix": True})
    assert client.get("/api/npu/doctor").json() == {"ok": True, "findings": []}


def test_the_admin_verifies_the_models_that_are_selected(
    own: Appliance, client: httpx.Client
) -> None:
    client.get("/admin/login/")
    token = {"csrfmiddlewaretoken": client.cookies["npuconsole_csrf"]}
    entered = client.post("/admin/login/", data={**token, "username": "owner", "password": "x"})
    assert entered.headers["location"]
    listed = client.get("/admin/inference/model/").text
    (row,) = re.findall(r"/admin/inference/model/(\d+)/change/[^>]*>\s*tiny:latest", listed)

    def verify_in_the_admin() -> str:
        token = {"csrfmiddlewaretoken": client.cookies["npuconsole_csrf"]}
        fields = {**token, "action": "verify", "_selected_action": row}
        return client.post("/admin/inference/model/", data=fields, follow_redirects=True).text

    assert re.search(
        r"tiny:latest: all \d+ files are as they were installed", verify_in_the_admin()
    )
    flip_a_bit(own)
    assert "out of use: openvino_model.bin (changed). Pull it again." in verify_in_the_admin()
    assert generate(client, "twin").status_code == 503
    assert verify(client, model="tiny", repull=True)[-1]["status"] == "success"
    client.post("/api/npu/doctor", json={"fix": True})


def test_what_a_deletion_frees_is_known_before_and_said_after(client: httpx.Client) -> None:
    client.post("/api/copy", json={"source": "tiny", "destination": "third"})
    use = client.get("/api/npu/models/disk").json()
    third = next(model for model in use["models"] if model["name"] == "third:latest")
    assert third["size_bytes"] > third["freed_bytes"] == 0
    assert third["shared_with"] == ["tiny:latest", "twin:latest"]
    assert use["installed_bytes"] > third["size_bytes"]
    assert use["free_bytes"] > 0
    answer = client.post("/api/npu/models/delete", json={"model": "third"})
    assert answer.json() == {"status": "success", "freed_bytes": 0}


def test_a_renamed_model_answers_under_its_new_name_only(client: httpx.Client) -> None:
    client.post("/api/copy", json={"source": "tiny", "destination": "before"})
    body = {"model": "before", "new_name": "After:v1"}
    answer = client.post("/api/npu/models/rename", json=body)
    assert answer.json() == {"status": "success", "model": "After:v1"}
    assert generate(client, "after:v1").status_code == 200
    assert generate(client, "before").status_code == 404
    client.request("DELETE", "/api/delete", json={"model": "after:v1"})


def test_a_renamed_model_that_is_pulled_again_has_its_new_name_only(
    own: Appliance, client: httpx.Client
) -> None:
    drop = own.home / "models" / "import"
    shutil.copy(drop / "tiny.gguf", drop / "lone.gguf")
    pulled = client.post("/api/pull", json={"model": "file:lone.gguf", "stream": False})
    assert pulled.json() == {"status": "success"}, pulled.text
    client.post("/api/npu/models/rename", json={"model": "lone", "new_name": "moved"})
    flip_a_bit(own, "lone")

    end = verify(client, model="moved", repull=True)[-1]

    assert end["status"] == "success"
    assert generate(client, "moved").status_code == 200
    assert "lone:latest" not in names(client)
    (drop / "lone.gguf").unlink()
    client.request("DELETE", "/api/delete", json={"model": "moved"})
    client.post("/api/npu/doctor", json={"fix": True})


def test_an_update_check_says_that_the_hub_is_out_of_reach_or_plays_no_part(
    client: httpx.Client,
) -> None:
    (report,) = client.get("/api/npu/models/updates", params={"model": "tiny"}).json()["models"]
    assert (report["state"], report["source"]) == ("unknown", "file:tiny.gguf")
    assert "did not come from a hub" in report["words"]


def test_what_is_dropped_into_the_import_folder_appears_in_the_lists(
    own: Appliance, client: httpx.Client
) -> None:
    drop = own.home / "models" / "import"
    shutil.copy(drop / "tiny.gguf", drop / "Late Comer.gguf")
    (drop / "notes.txt").write_text("x")

    for _ in polls(60):
        if "late-comer:latest" in names(client):
            break
    assert generate(client, "late-comer").status_code == 200
    late, notes, tiny = client.get("/api/npu/models/importable").json()["places"]
    assert (late["model"], late["kind"], late["obstacle"]) == ("late-comer:latest", "gguf", "")
    assert (notes["request"], notes["obstacle"]) == (
        "file:notes.txt",
        "notes.txt is not a GGUF file",
    )
    assert tiny["request"] == "file:tiny.gguf"
    assert "Late Comer.gguf" in run(own.home, "importable").stdout

    for place in (late, notes):
        (drop / place["place"]).unlink()
    client.request("DELETE", "/api/delete", json={"model": "late-comer"})


def test_a_modelfile_that_was_shown_makes_the_same_model_again(client: httpx.Client) -> None:
    from inference.catalog.modelfile import parse_modelfile

    first = {
        "model": "shown",
        "from": "tiny",
        "system": 'Say "arr".\nAlways.',
        "parameters": {"temperature": 0.25, "stop": ["\n", 'a"b'], "num_ctx": 128},
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Arr\n"}],
        "license": "MIT",
        "stream": False,
    }
    assert client.post("/api/create", json=first).json() == {"status": "success"}
    shown = client.post("/api/show", json={"model": "shown"}).json()
    made = parse_modelfile(shown["modelfile"])
    body = {"model": "again", "from": made.source, "stream": False, **made.body}
    assert client.post("/api/create", json=body).json() == {"status": "success"}
    again = client.post("/api/show", json={"model": "again"}).json()
    fields = ("modelfile", "parameters", "template", "system", "messages", "license")
    assert {field: again[field] for field in fields} == {field: shown[field] for field in fields}
    for name in ("shown", "again"):
        client.request("DELETE", "/api/delete", json={"model": name})


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("verify", {"model": "nowhere"}, 404, "model 'nowhere:latest' not found"),
        ("verify", {"model": "a b"}, 400, "invalid model name"),
        ("verify", {"model": 5}, 400, "model"),
        ("rename", {"model": "tiny"}, 400, "new_name"),
        ("rename", {"model": "tiny", "new_name": "twin"}, 400, "there is a model 'twin:latest'"),
        ("rename", {"model": "nowhere", "new_name": "x"}, 404, "not found"),
        ("delete", {"model": "nowhere"}, 404, "not found"),
        ("delete", {}, 400, "model"),
    ],
)
def test_bad_requests_are_answered_in_words(
    client: httpx.Client, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(f"/api/npu/models/{path}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert "code" in answer.json()


def test_an_update_of_a_model_that_is_not_there_is_404(client: httpx.Client) -> None:
    answer = client.get("/api/npu/models/updates", params={"model": "nowhere"})
    assert answer.status_code == 404


def test_the_command_line_makes_verifies_renames_and_removes_a_model(
    own: Appliance, client: httpx.Client, tmp_path: Path
) -> None:
    modelfile = tmp_path / "Modelfile"
    modelfile.write_text("FROM ./x.gguf\nSYSTEM Be brief.\n", encoding="utf-8")
    shutil.copy(own.home / "models" / "import" / "tiny.gguf", tmp_path / "x.gguf")

    made = run(own.home, "create", "made", "-f", str(modelfile))
    assert made.returncode == 0, made.stderr
    assert client.post("/api/show", json={"model": "made"}).json()["system"] == "Be brief."
    verified = run(own.home, "verify", "made")
    assert (verified.returncode, "well" in verified.stdout) == (0, True), verified.stderr
    assert "made:latest" in run(own.home, "disk").stdout
    assert "is now renamed:latest" in run(own.home, "rename", "made", "renamed").stdout
    removed = run(own.home, "rm", "renamed")
    assert "freed" in removed.stdout
    assert "renamed:latest" not in names(client)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("FROM tiny\nADAPTER ./x", "Modelfile, line 2: ADAPTER: adapters are not supported"),
        ("FROM ./nothing.gguf", "there is no such file or folder"),
    ],
)
def test_a_modelfile_that_cannot_be_used_is_one_line(
    own: Appliance, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "Modelfile").write_text(content, encoding="utf-8")
    done = run(own.home, "create", "bad", "-f", str(tmp_path / "Modelfile"))
    assert done.returncode == 1
    assert words in done.stderr
