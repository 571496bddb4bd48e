"""Big bodies are served whole, and hold nobody else up."""

from __future__ import annotations

import httpx

from tests.apis.conftest import MODEL


def test_a_thousand_messages_arrive(client: httpx.Client) -> None:
    messages = [
        {"role": role, "content": f"{role} {number}"}
        for number in range(500)
        for role in ("user", "assistant")
    ]

    body = {"model": MODEL, "messages": messages, "truncate": False, "_debug_render_only": True}
    rendered = client.post("/api/chat", json=body).json()["_debug_info"]["rendered_template"]

    assert rendered.count("<|im_start|>") == 1001
    assert "assistant 499" in rendered


def test_a_body_of_megabytes_arrives_to_the_letter(client: httpx.Client) -> None:
    text = "".join(chr(0x4E00 + i % 20_000) for i in range(1_000_000))

    rendered = client.post(
        "/api/generate",
        json={"model": MODEL, "prompt": text, "raw": True, "_debug_render_only": True},
    ).json()["_debug_info"]["rendered_template"]

    assert rendered == text
