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
