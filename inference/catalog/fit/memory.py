"""What a token costs in each device's cache, and what an engine needs besides. Bytes throughout.

CPU and GPU: ContinuousBatchingPipeline with an 8-bit cache of at most `Job.cache_gigabytes`. The
CPU keeps a scale and a zero point (two floats) for each token's value vector, and for each channel
of the keys of 32 tokens. For the starter that is 13,680 bytes per token; OpenVINO 2026.4.1 was
measured to put 2,452 blocks of 32 tokens into 2^30 bytes, which is the same. The GPU keeps two
halves for each vector. NPU: static tensors of halves. None of them frees what a sliding window no
longer sees.
"""

from __future__ import annotations

from inference.catalog.fit.shape import ModelShape

CACHE_BYTES = 2 * 2**30
"""The cache of one engine on CPU or GPU (`inference.worker.protocol.Job.cache_gigabytes`)."""
PROCESS_BYTES = 256 * 2**20
_WEIGHTS_FACTOR = 1.25
_BYTES_OF = {"f32": 4, "f16": 2, "bf16": 2}


def kv_bytes_per_token(shape: ModelShape, device_class: str, precision: str = "") -> int:
    """Of one token in that device's cache. `precision` is the owner's KV_CACHE_PRECISION, "" for
    the device's own."""
    wide = _BYTES_OF.get(precision.lower())
    if wide or device_class == "NPU":
        return shape.kv_values_per_token * (wide or 2)
    vectors = shape.layers * shape.kv_heads  # of keys; as many of values
    size = shape.head_size
    if device_class == "CPU":
        return vectors * ((size + size * 8 // 32) + (size + 8))
    return vectors * 2 * (size + 4)


def engine_bytes(loaded_bytes: int) -> int:
    """Of an engine without its cache: the rule of `inference.residency.spec`."""
    return int(_WEIGHTS_FACTOR * loaded_bytes) + PROCESS_BYTES
