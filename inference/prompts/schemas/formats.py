"""The formats of JSON Schema (2020-12) as regular expressions, in a form every validator takes.

Each admits a part of what the format does, such as years from 1900 to 2199 and no leap seconds.
Formats outside the standard ("int32", "password") are notes for people and hold nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

_DAY = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    "|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_DATE = f"(19|20|21)[0-9][0-9]-{_DAY}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])"
_LABEL = "[a-zA-Z0-9]{1,20}(-[a-zA-Z0-9]{1,20})?"
_HOST = rf"{_LABEL}(\.{_LABEL}){{0,3}}"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PATH = r"(/[a-zA-Z0-9._~-]{1,40}){0,6}/?"
_URI = rf"https?://{_HOST}{_PATH}"
_EMAIL = rf"[a-zA-Z0-9][a-zA-Z0-9_+-]{{0,30}}(\.[a-zA-Z0-9_+-]{{1,30}})?@{_LABEL}\.[a-zA-Z]{{2,10}}"
_POINTER = r"(/[a-zA-Z0-9_-]{1,30}){0,6}"

PATTERNS: Mapping[str, str] = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}T{_TIME}$",
    "duration": (
        "^P([1-9][0-9]{0,2}D(T[1-9][0-9]{0,2}[HMS])?|T[1-9][0-9]{0,2}[HMS]|[1-9][0-9]{0,2}[YMW])$"
    ),
    "email": f"^{_EMAIL}$",
    "idn-email": f"^{_EMAIL}$",
    "hostname": f"^{_HOST}$",
    "idn-hostname": f"^{_HOST}$",
    "ipv4": rf"^({_BYTE}\.){{3}}{_BYTE}$",
    "ipv6": "^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$",
    "uuid": "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
    "uri": f"^{_URI}$",
    "iri": f"^{_URI}$",
    "uri-reference": f"^({_URI}|{_PATH})$",
    "iri-reference": f"^({_URI}|{_PATH})$",
    "uri-template": rf"^{_URI}(\{{[a-z]{{1,20}}\}})?$",
    "json-pointer": f"^{_POINTER}$",
    "relative-json-pointer": f"^(0|[1-9][0-9]{{0,2}}){_POINTER}$",
    "regex": "^[a-zA-Z0-9 _-]{0,60}$",
}
