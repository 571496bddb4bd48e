"""What to type into which client, filled in with this server's address and a model. Pure.

What is said of each was tried with the client, or is its maker's documentation; where a client
cannot reach a private address at all, that is said instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

HELLO = "Say hello."


@dataclass(frozen=True, slots=True)
class Filled:
    """What the snippets are filled with. `shell` is "sh" or "powershell"."""

    address: str
    model: str
    shell: str = "sh"
    context_tokens: int = 0
    has_tools: bool = False


@dataclass(frozen=True, slots=True)
class Snippet:
    """One thing to copy. `place` says where it goes: a file, a terminal, a menu."""

    place: str
    code: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that can use this server. `needs_tokens` is the context that its own prompt asks
    for; `caution` what speaks against it, "" if nothing."""

    key: str
    name: str
    words: str
    fill: Callable[[Filled], tuple[Snippet, ...]]
    needs_tokens: int = 0
    needs_tools: bool = False
    caution: str = ""


def cautions_of(client: Client, filled: Filled) -> tuple[str, ...]:
    """Why this client and that model may not go together."""
    found = [client.caution] if client.caution else []
    if filled.context_tokens and client.needs_tokens > filled.context_tokens:
        found.append(
            f"{filled.model} holds {filled.context_tokens:,}\N{NO-BREAK SPACE}tokens. "
            f"{client.name} needs a model with {client.needs_tokens:,} or more, because its own "
            "instructions and tools come with every request."
        )
    if filled.context_tokens and client.needs_tools and not filled.has_tools:
        found.append(f"{filled.model} was not made for tools, on which {client.name} relies.")
    return tuple(found)


def _with_variables(shell: str, variables: dict[str, str], command: str) -> str:
    if shell == "powershell":
        return "\n".join(
            [*(f'$env:{name} = "{value}"' for name, value in variables.items()), command]
        )
    return " \\\n  ".join([*(f"{name}={value}" for name, value in variables.items()), command])


def _terminal(filled: Filled) -> str:
    return "PowerShell" if filled.shell == "powershell" else "Terminal"


def _curl(filled: Filled) -> tuple[Snippet, ...]:
    body = f'{{"model": "{filled.model}", "messages": [{{"role": "user", "content": "{HELLO}"}}]'
    if filled.shell == "powershell":
        ask = (
            f"Invoke-RestMethod {filled.address}/api/chat -Method Post "
            f"-Body '{body}, \"stream\": false}}'"
        )
        return (Snippet("PowerShell", ask, "One question, and the whole answer as an object."),)
    return (
        Snippet(
            "Terminal",
            f"curl -i {filled.address}/api/chat -d '{body}}}'",
            "Ollama's form, token by token; the headers X-NPU-Proxy-… say which device answered.",
        ),
        Snippet(
            "Terminal",
            f"curl {filled.address}/v1/chat/completions -d '{body}}}'",
            "The same in OpenAI's form.",
        ),
    )


def _claude_code(filled: Filled) -> tuple[Snippet, ...]:
    variables = {
        "ANTHROPIC_BASE_URL": filled.address,
        "ANTHROPIC_AUTH_TOKEN": "none",
        "ANTHROPIC_MODEL": filled.model,
        "ANTHROPIC_SMALL_FAST_MODEL": filled.model,
    }
    return (Snippet(_terminal(filled), _with_variables(filled.shell, variables, "claude")),)


def _codex(filled: Filled) -> tuple[Snippet, ...]:
    quick = _with_variables(
        filled.shell,
        {"CODEX_OSS_BASE_URL": f"{filled.address}/v1"},
        f"codex --oss --local-provider ollama -m {filled.model}",
    )
    lasting = (
        f'model = "{filled.model}"\nmodel_provider = "npuconsole"\n\n'
        f'[model_providers.npuconsole]\nname = "npuconsole"\nbase_url = "{filled.address}/v1"\n'
        'wire_api = "responses"'
    )
    return (
        Snippet(_terminal(filled), quick, "Once, without configuring anything:"),
        Snippet("~/.codex/config.toml", lasting, "Or for good:"),
    )


def _ollama(filled: Filled) -> tuple[Snippet, ...]:
    command = f"ollama run {filled.model}"
    return (
        Snippet(
            _terminal(filled),
            _with_variables(filled.shell, {"OLLAMA_HOST": filled.address}, command),
        ),
    )


def _python(filled: Filled) -> tuple[Snippet, ...]:
    openai = (
        f'import openai\n\nclient = openai.OpenAI(base_url="{filled.address}/v1", api_key="none")\n'
        "answer = client.chat.completions.create(\n"
        f'    model="{filled.model}", messages=[{{"role": "user", "content": "{HELLO}"}}]\n)\n'
        "print(answer.choices[0].message.content)"
    )
    ollama = (
        f'import ollama\n\nclient = ollama.Client(host="{filled.address}")\n'
        f'for part in client.chat("{filled.model}", '
        f'[{{"role": "user", "content": "{HELLO}"}}], stream=True):\n'
        '    print(part.message.content, end="", flush=True)'
    )
    anthropic = (
        "import anthropic\n\n"
        f'client = anthropic.Anthropic(base_url="{filled.address}", api_key="none")\n'
        "answer = client.messages.create(\n"
        f'    model="{filled.model}",\n    max_tokens=100,\n'
        f'    messages=[{{"role": "user", "content": "{HELLO}"}}],\n)\n'
        "print(answer.content[0].text)"
    )
    return (
        Snippet("pip install openai", openai),
        Snippet("pip install ollama", ollama),
        Snippet("pip install anthropic", anthropic),
    )


def _javascript(filled: Filled) -> tuple[Snippet, ...]:
    openai = (
        'import OpenAI from "openai";\n\n'
        f'const client = new OpenAI({{ baseURL: "{filled.address}/v1", apiKey: "none" }});\n'
        "const answer = await client.chat.completions.create({\n"
        f'  model: "{filled.model}",\n  messages: [{{ role: "user", content: "{HELLO}" }}],\n}});\n'
        "console.log(answer.choices[0].message.content);"
    )
    ollama = (
        'import { Ollama } from "ollama";\n\n'
        f'const client = new Ollama({{ host: "{filled.address}" }});\n'
        "const parts = await client.chat({\n"
        f'  model: "{filled.model}",\n  messages: [{{ role: "user", content: "{HELLO}" }}],\n'
        "  stream: true,\n});\n"
        "for await (const part of parts) process.stdout.write(part.message.content);"
    )
    return (Snippet("npm install openai", openai), Snippet("npm install ollama", ollama))


def _continue(filled: Filled) -> tuple[Snippet, ...]:
    config = (
        "name: npuconsole\nversion: 0.0.1\nschema: v1\nmodels:\n"
        f"  - name: {filled.model}\n    provider: ollama\n    model: {filled.model}\n"
        f"    apiBase: {filled.address}\n    roles: [chat, edit, apply]"
    )
    return (Snippet("~/.continue/config.yaml", config),)


def _vs_code(filled: Filled) -> tuple[Snippet, ...]:
    tools = "true" if filled.has_tools else "false"
    answer = 4096 if filled.context_tokens > 16384 else max(256, filled.context_tokens // 4)
    prompt = max(1024, filled.context_tokens - answer)
    models = (
        '[\n  {\n    "name": "npuconsole",\n    "vendor": "customendpoint",\n'
        '    "apiKey": "none",\n    "apiType": "chat-completions",\n    "models": [\n      {\n'
        f'        "id": "{filled.model}",\n        "name": "{filled.model}",\n'
        f'        "url": "{filled.address}/v1/chat/completions",\n'
        f'        "toolCalling": {tools},\n        "vision": false,\n'
        f'        "maxInputTokens": {prompt},\n        "maxOutputTokens": {answer}\n'
        "      }\n    ]\n  }\n]"
    )
    words = (
        "Run “Chat: Manage Language Models”, choose Add models, Custom Endpoint, Chat Completions, "
        "and fill the file that opens (VS Code 1.122 or newer):"
    )
    return (Snippet("chatLanguageModels.json", models, words),)


def _open_webui(filled: Filled) -> tuple[Snippet, ...]:
    plain = _with_variables(filled.shell, {"OLLAMA_BASE_URL": filled.address}, "open-webui serve")
    port = filled.address.rpartition(":")[2]
    join = " `\n  " if filled.shell == "powershell" else " \\\n  "
    docker = join.join(
        (
            "docker run -d --name open-webui -p 3000:8080",
            "--add-host=host.docker.internal:host-gateway",
            f"-e OLLAMA_BASE_URL=http://host.docker.internal:{port}",
            "-v open-webui:/app/backend/data",
            "ghcr.io/open-webui/open-webui:main",
        )
    )
    words = (
        "In Docker beside this server. On Linux the container reaches it only if it listens on "
        "0.0.0.0; Docker Desktop reaches 127.0.0.1 too."
    )
    return (
        Snippet(_terminal(filled), plain, "Installed with pip:"),
        Snippet(_terminal(filled), docker, words),
    )


def _cursor(filled: Filled) -> tuple[Snippet, ...]:
    return (
        Snippet(
            "Override OpenAI Base URL",
            f"{filled.address}/v1",
            "In Cursor Settings, Models, with any text as the OpenAI API key:",
        ),
        Snippet("Add custom model", filled.model),
    )


CLIENTS = (
    Client("curl", "curl", "The quickest proof that this server answers.", _curl),
    Client(
        "claude-code",
        "Claude Code",
        "Speaks Anthropic's API here.",
        _claude_code,
        needs_tokens=32_000,
        needs_tools=True,
    ),
    Client(
        "codex",
        "Codex",
        "Speaks OpenAI's Responses API here.",
        _codex,
        needs_tokens=32_000,
        needs_tools=True,
    ),
    Client("continue", "Continue", "For VS Code and JetBrains.", _continue),
    Client(
        "cursor",
        "Cursor",
        "Takes models of OpenAI's API.",
        _cursor,
        needs_tokens=32_000,
        needs_tools=True,
        caution="Cursor's own servers call the address, not this machine: one that is only "
        "reachable from here is refused as a private network. It needs a public address that leads "
        "here, and then your prompts pass through Cursor.",
    ),
    Client("open-webui", "Open WebUI", "A chat page for a household or a team.", _open_webui),
    Client(
        "vs-code",
        "VS Code",
        "Its own chat, with a custom endpoint.",
        _vs_code,
        needs_tokens=32_000,
        needs_tools=True,
    ),
    Client("ollama", "ollama CLI", "Ollama's command, with this server behind it.", _ollama),
    Client("python", "Python", "OpenAI's, Ollama's and Anthropic's packages.", _python),
    Client("javascript", "JavaScript", "OpenAI's and Ollama's packages.", _javascript),
)
BY_KEY = {client.key: client for client in CLIENTS}
