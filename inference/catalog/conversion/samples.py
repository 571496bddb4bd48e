# ruff: noqa: RUF001 - letters that look like others are what these texts are for
"""Texts that a tokenizer must bring through unharmed, each for something that conversions lose."""

from __future__ import annotations

from typing import Final

SAMPLES: Final[tuple[str, ...]] = (
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "HTTP/2 200 OK; v1.0.3-rc.2 costs $1,234,567.89 (+19 %) on 2026-11-25T08:50:00Z",
    "Ein Gerät für Äpfel, größer als «l'été à Besançon», año, façade, naïve, Łódź, smørbrød",
    "Быстрая лиса — πάντα ῥεῖ — שלום עולם — مرحبا بالعالم — हिन्दी",
    "今天天气很好，我们去公园散步吧。日本語のテキスト、カタカナ。한국어 문장입니다.",
    "👋🏽 family: 👨‍👩‍👧‍👦, flags: 🇩🇪🇯🇵, text: ☎︎ 𝒳 𠜎 e\u0301",
    "def f(x: int) -> str:\n    if x > 0:\n        return f\"{x!r}\"\n\treturn ''\n",
    '{"key": [1, 2.5e-3, null, true], "nested": {"a\\n": "b\\u00e9"}}\n',
    "runs  of   spaces    and\t\ttabs\n\n\nand lines \r\n at the end  ",
    "  leading spaces",
    "\n",
    "a",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "<b>html</b> & entities &amp; [INST] not special </s ><|almost|",
)
