"""Two models want the one place on the NPU in turn: each request is served there, no restart."""

from __future__ import annotations

from pathlib import Path

from tests.apis.conftest import MODEL
from tests.appliance_process import change_rows, copy_home
from tests.conftest import StartAppliance

OTHER = "other:latest"
SECOND_MODEL_AND_ONLY_THE_NPU = f"""
import shutil
from pathlib import Path
from inference import environment
sound = models.ModelVariant.objects.get()
folder = environment.models_folder() / sound.folder
shutil.copytree(folder, folder.with_name("other"))
model = sound.model
model.pk, model.name, model.digest = None, "{OTHER}", "0" * 64
model._state.adding = True
model.save()
models.ModelVariant.objects.create(
    model=model, folder=str(Path(sound.folder).with_name("other")),
    weight_format=sound.weight_format, size_bytes=sound.size_bytes,
)
models.DevicePolicy.objects.exclude(device__name="NPU").update(enabled=False)
"""


def test_two_models_take_turns_on_the_npu(
    start_appliance: StartAppliance, starter_home: Path, tmp_path: Path
) -> None:
    home = copy_home(starter_home, tmp_path / "home")
    change_rows(home, SECOND_MODEL_AND_ONLY_THE_NPU)
    appliance = start_appliance(home, NPUCONSOLE_EMULATE_NPU="1", NPU_PROXY_TOKEN_LIMIT="200")
    appliance.wait_until_started()

    with appliance.client() as client:
        for turn in range(4):
            name = (MODEL, OTHER)[turn % 2]
            body = {"model": name, "prompt": "One, two,", "stream": False}
            answer = client.post("/api/generate", json={**body, "options": {"num_predict": 3}})
            assert answer.json()["eval_count"] == 3
            assert answer.headers["X-NPU-Proxy-Device"] == "NPU"
            (loaded,) = client.get("/api/ps").json()["models"]
            assert loaded["name"] == name
