"""What clients send and get that look after models. Sizes are bytes."""

from __future__ import annotations

from pydantic import BaseModel

from apis.npu.schemas import Body


class VerifyBody(Body):
    """POST /api/npu/models/verify: a model, or all without one."""

    model: str | None = None
    repull: bool | None = None
    stream: bool | None = None


class VerifiedFile(BaseModel):
    """`state` is ok, changed, missing or unexpected."""

    name: str
    state: str


class VerifiedForm(BaseModel):
    """One form of models on disk. `files` is empty where its folder is not there."""

    models: list[str]
    folder: str
    weight_format: str
    ok: bool
    quarantined: bool
    files: list[VerifiedFile]


class VerifiedModels(BaseModel):
    """`status` is success or damaged; `pulled` were fetched again."""

    status: str
    pulled: list[str]
    variants: list[VerifiedForm]


class DoctorBody(Body):
    """POST /api/npu/doctor."""

    fix: bool | None = None


class FoundThing(BaseModel):
    """One thing that was noticed, what to do about it, and what was done, "" if nothing."""

    check: str
    subject: str
    words: str
    advice: str
    is_wrong: bool
    can_be_fixed: bool
    done: str


class DoctorReport(BaseModel):
    """`ok` says that nothing is wrong, or is any more."""

    ok: bool
    findings: list[FoundThing]


class ModelDisk(BaseModel):
    """One model's part. `shared_bytes` are also others' (`shared_with`); deleting the model frees
    `freed_bytes`."""

    name: str
    size_bytes: int
    shared_bytes: int
    freed_bytes: int
    shared_with: list[str]


class DiskReport(BaseModel):
    """The models folder. `installed_bytes` counts what models share once; `free_bytes` is what its
    disk has left."""

    models: list[ModelDisk]
    installed_bytes: int
    quarantined_bytes: int
    unfinished_bytes: int
    uploaded_bytes: int
    dropped_bytes: int
    free_bytes: int


class NamedModel(Body):
    """POST /api/npu/models/delete."""

    model: str


class Deleted(BaseModel):
    """What a deletion freed; 0 for a copy."""

    status: str
    freed_bytes: int


class Reloaded(BaseModel):
    """The rows as they are now are in force."""

    status: str


class RenameBody(Body):
    """POST /api/npu/models/rename."""

    model: str
    new_name: str


class Renamed(BaseModel):
    """The name the model has now."""

    status: str
    model: str


class UpdateFound(BaseModel):
    """`state` is current, newer, or unknown, for the reason in `words`; `changed` are files."""

    model: str
    source: str
    state: str
    words: str
    changed: list[str]


class Updates(BaseModel):
    """Of the model asked for, or of every one."""

    models: list[UpdateFound]


class ImportablePlace(BaseModel):
    """`place` is the name in the import folder, `model` the name it would get, `kind` gguf,
    openvino, encoder or other. `obstacle` says why it cannot be imported, "" if it may be."""

    place: str
    request: str
    model: str
    kind: str
    size_bytes: int
    obstacle: str


class Importables(BaseModel):
    """Everything in the import folder."""

    places: list[ImportablePlace]
