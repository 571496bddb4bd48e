"""Convert a small model with random weights and a real tokenizer, and have a real server serve it:
`python -m benchmarks.conversion --tokenizer FOLDER`. Needs the extra `convert`.

It shows whether the installed versions of torch, transformers, optimum-intel and nncf work
together. FOLDER is an installed model's, whose tokenizer.json the new model gets.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks import processes

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, CONTEXT = 128, 256, 2, 4, 2, 2048
TARGETS = ("fp16", "int8", "npu")


def write_model(folder: Path, tokenizer: Path) -> None:
    """A llama of 6 million random weights, the same every time, as safetensors."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(1)
    own = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer / "tokenizer.json"),
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    )
    own.chat_template = (tokenizer / "chat_template.jinja").read_text(encoding="utf-8")
    config = LlamaConfig(
        vocab_size=len(own),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=CONTEXT,
        bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id,
    )
    LlamaForCausalLM(config).half().save_pretrained(folder)
    own.save_pretrained(folder)


def convert(client: httpx.Client, source: str, target: str) -> dict[str, Any]:
    """Convert and ask the result once; what was seen."""
    began = time.perf_counter()
    body = {"source": source, "to": target, "name": f"converted:{target}", "force": True}
    with client.stream("POST", "/api/npu/models/convert", json=body) as stream:
        lines = [json.loads(line) for line in stream.iter_lines()]
    if lines[-1] != {"status": "success"}:
        raise SystemExit(f"{target}: {lines[-1]}")
    seconds = time.perf_counter() - began
    answer = client.post(
        "/api/generate",
        json={
            "model": f"converted:{target}",
            "prompt": "Hello",
            "stream": False,
            "options": {"num_predict": 8, "temperature": 0},
        },
    )
    answer.raise_for_status()
    told = [line["status"] for line in lines if line["status"].startswith("perplexity")]
    return {"seconds": seconds, "quality": told, "tokens": answer.json()["eval_count"]}


def serve(home: Path) -> None:
    """Start a server on that data folder, convert to each target, print what was seen."""
    port = processes.free_port()
    environment = processes.clean_environment() | {
        "NPUCONSOLE_HOME": str(home),
        "NPU_PROXY_PORT": str(port),
        "NPU_PROXY_DEVICE": "CPU",
        "HF_HUB_OFFLINE": "1",  # no starter is wanted here
        "PIP_NO_INDEX": "1",
    }
    command = [sys.executable, str(processes.PROJECT_ROOT / "manage.py"), "serve"]
    server = processes.start(command, home / "server.log", environment=environment)
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=900, trust_env=False
        ) as client:
            wait_for(client)
            for target in TARGETS:
                print(target, convert(client, "file:random-llama", target), flush=True)
    finally:
        processes.end(server)


def wait_for(client: httpx.Client) -> None:
    """Return when the server answers."""
    for _ in range(300):
        try:
            client.get("/health")
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the server did not start")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the model, convert it to each target, print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True, help="an installed model's folder")
    options = parser.parse_args(arguments)
    home = Path(tempfile.mkdtemp(prefix="npuconsole-conversion-"))
    try:
        folder = home / "models" / "import" / "random-llama"
        folder.mkdir(parents=True)
        write_model(folder, options.tokenizer)
        serve(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
