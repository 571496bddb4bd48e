"""The appliance's own numbers for Prometheus, with the names, types and labels of the original.

Counted once per request, never per token. Imports no Django.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0)

REQUESTS = Counter(
    "npu_proxy_requests_total", "Requests by endpoint and status.", ["endpoint", "status"]
)
DURATION = Histogram(
    "npu_proxy_inference_duration_seconds",
    "From receipt to the last token.",
    ["model", "device"],
    buckets=SECONDS,
)
FIRST_TOKEN = Histogram(
    "npu_proxy_time_to_first_token_seconds",
    "From receipt to the first token.",
    ["model"],
    buckets=SECONDS,
)
INTER_TOKEN = Histogram(
    "npu_proxy_inter_token_latency_seconds",
    "Mean time between two tokens of one answer.",
    ["model"],
    buckets=TOKEN_SECONDS,
)
RATE = Gauge("npu_proxy_tokens_per_second", "Decode rate of the last answer.", ["model"])
LOADED = Gauge("npu_proxy_loaded_models", "1 while the model is loaded on any device.", ["model"])
EMBEDDED = Counter("npu_proxy_embeddings_total", "Texts embedded.", ["model"])
EMBEDDING_CACHE_HITS = Counter(
    "npu_proxy_embedding_cache_hits_total", "Texts whose vector was in memory.", ["model"]
)
GENERATED = Counter("npu_proxy_tokens_generated_total", "Tokens generated.", ["model"])


def count_request(endpoint: str, status: int) -> None:
    """One answered request; `endpoint` is a route's path, never a client's text."""
    REQUESTS.labels(endpoint, str(status)).inc()


def count_generation(
    *,
    model: str,
    device: str,
    total_seconds: float,
    ttft_seconds: float,
    decode_seconds: float,
    tokens: int,
) -> None:
    """One generation that produced tokens, at its end."""
    DURATION.labels(model, device).observe(total_seconds)
    GENERATED.labels(model).inc(tokens)
    if tokens:
        FIRST_TOKEN.labels(model).observe(ttft_seconds)
    if tokens > 1 and decode_seconds > 0:
        INTER_TOKEN.labels(model).observe(decode_seconds / (tokens - 1))
        RATE.labels(model).set((tokens - 1) / decode_seconds)


def count_embeddings(model: str, texts: int, cached: int) -> None:
    """One request's texts, `cached` of which needed no engine."""
    EMBEDDED.labels(model).inc(texts)
    EMBEDDING_CACHE_HITS.labels(model).inc(cached)


def show_loaded(models: set[str]) -> None:
    """Say which models are loaded now; all others are no longer."""
    for (known,) in list(LOADED._metrics):
        if known not in models:
            LOADED.remove(known)
    for model in models:
        LOADED.labels(model).set(1)
