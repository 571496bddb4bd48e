"""Each family describes itself."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    ("document", "path", "body"),
    [
        ("/api/openapi.json", "/api/chat", "ChatBody"),
        ("/api/openapi.json", "/api/generate", "GenerateBody"),
        ("/v1/openapi.json", "/v1/chat/completions", "ChatBody"),
        ("/v1/messages/openapi.json", "/v1/messages", "MessagesBody"),
        ("/v1/messages/openapi.json", "/v1/messages/count_tokens", "CountBody"),
        ("/api/npu/openapi.json", "/api/npu/route", "RouteBody"),
    ],
)
def test_the_document_names_the_paths_and_bodies(
    client: httpx.Client, document: str, path: str, body: str
) -> None:
    described = client.get(document).json()

    assert described["openapi"].startswith("3.")
    schema = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert schema["schema"]["$ref"] == f"#/components/schemas/{body}"
    assert "properties" in described["components"]["schemas"][body]


def test_our_own_family_describes_its_answers(client: httpx.Client) -> None:
    described = client.get("/api/npu/openapi.json").json()

    answer = described["paths"]["/api/npu/requests/{request_id}"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Receipt")
    assert "/api/npu/passports" in described["paths"]
    assert "CalibrateBody" in described["components"]["schemas"]
