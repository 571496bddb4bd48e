"""What a client wishes beside its body. Pure.

On which device its answer is made: the header X-NPU-Proxy-Prefer-Device, or a suffix of the model's
name. Whether parameters without effect are an error: the header X-NPU-Proxy-Strict.

`@` is outside the grammar of model names, so a suffix never hides a model. It is stripped here,
before any name is looked up; a suffix wins over the header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from apis.calls import ApiRequest
from inference.errors import InvalidRequest
from inference.requests import DeviceWish

PREFER_DEVICE = "X-NPU-Proxy-Prefer-Device"
STRICT = "X-NPU-Proxy-Strict"

_DEVICE = re.compile(r"(NPU|GPU|CPU)(\.\d{1,3})?", re.ASCII)
_HOW_TO_NAME_ONE = "NPU, GPU, CPU, or one of several as GPU.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client means by the name it sent: a model, and perhaps where it is to run. `is_strict`
    refuses a request that has parameters without effect."""

    model: str
    wish: DeviceWish | None = None
    is_strict: bool = False


def asked_of(request: ApiRequest, name: str) -> Asked:
    """The model and the wish of a request whose body names `name`. Raises InvalidRequest."""
    asked = read_asked(name, request.headers.get(PREFER_DEVICE, ""))
    return replace(asked, is_strict=is_strict(request))


def is_strict(request: ApiRequest) -> bool:
    """Whether that request is not to have parameters without effect. Raises InvalidRequest."""
    word = request.headers.get(STRICT, "").strip().lower()
    if word not in ("", "0", "1", "false", "true"):
        raise InvalidRequest(f"{STRICT}: {word[:40]!r} is neither 0 nor 1", field=STRICT)
    return word in ("1", "true")


def read_asked(name: str, header: str = "") -> Asked:
    """`name` may end with @npu, @gpu.1 or, strictly, @npu!; the header is read when it does not.

    Raises InvalidRequest naming the model or the header when that is no device.
    """
    model, at, suffix = name.rpartition("@")
    if not at:
        return Asked(name, parse_preference(header, PREFER_DEVICE))
    device = suffix.removesuffix("!")
    return Asked(model, DeviceWish(_device(device, "model"), is_strict=device != suffix))


def parse_preference(text: str, field: str) -> DeviceWish | None:
    """The wish that `NPU` or `NPU; strict` spells, in any case; None for nothing.

    Raises InvalidRequest naming `field`.
    """
    if not text.strip():
        return None
    named, *parameters = (part.strip() for part in text.split(";"))
    device = _device(named, field)
    for parameter in parameters:
        if parameter.lower() != "strict":
            raise InvalidRequest(
                f'{field}: {parameter[:40]!r} is not known, only "strict" may follow the device',
                field=field,
            )
    return DeviceWish(device, is_strict=bool(parameters))


def _device(text: str, field: str) -> str:
    """A device's name or class as the rows have it."""
    name = text.upper()
    if not _DEVICE.fullmatch(name):
        raise InvalidRequest(
            f"{field}: {text[:40]!r} is not a device, use {_HOW_TO_NAME_ONE}", field=field
        )
    return name
