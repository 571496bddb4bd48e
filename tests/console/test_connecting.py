"""What the page Connect says to whom: addresses, steps, snippets, and who called."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

import pytest

from inference.callers import MOST_KEPT, Callers
from npuconsole.console.connect.clients import BY_KEY, CLIENTS, Filled, cautions_of
from npuconsole.console.connect.reaching import Machine, Where, address_for, steps_for
from npuconsole.console.connect.visitors import client_words, draw_callers
from npuconsole.listening import Place

WINDOWS = Machine("win32", is_wsl=False, lan="192.168.1.5", wsl="172.20.16.1")
LINUX = Machine("linux", is_wsl=False, lan="192.168.1.5")
LOOPBACK, EVERYWHERE = Place("127.0.0.1", 11435), Place("0.0.0.0", 11435)
ONE = Place("192.168.1.5", 11435)
FILLED = Filled("http://127.0.0.1:11435", "qwen3:8b", "sh", 40_960, has_tools=True)


@pytest.mark.parametrize(
    ("where", "machine", "place", "asked", "expected"),
    [
        (Where.HERE, LINUX, LOOPBACK, "localhost:11435", "http://127.0.0.1:11435"),
        (Where.HERE, LINUX, EVERYWHERE, "localhost:11435", "http://127.0.0.1:11435"),
        (Where.HERE, LINUX, ONE, "192.168.1.5:11435", "http://192.168.1.5:11435"),
        (Where.WSL_MIRRORED, WINDOWS, LOOPBACK, "", "http://127.0.0.1:11435"),
        (Where.WSL_NAT, WINDOWS, EVERYWHERE, "", "http://172.20.16.1:11435"),
        (Where.WSL_NAT, LINUX, EVERYWHERE, "", "http://WINDOWS-ADDRESS:11435"),
        (Where.ELSEWHERE, LINUX, EVERYWHERE, "127.0.0.1:11435", "http://192.168.1.5:11435"),
        (Where.ELSEWHERE, LINUX, EVERYWHERE, "box.lan:11435", "http://box.lan:11435"),
        (Where.ELSEWHERE, LINUX, EVERYWHERE, "[::1]:11435", "http://192.168.1.5:11435"),
        (Where.ELSEWHERE, replace(LINUX, lan=""), EVERYWHERE, "", "http://THIS-MACHINE:11435"),
    ],
)
def test_the_address_is_one_that_the_client_can_reach(
    where: Where, machine: Machine, place: Place, asked: str, expected: str
) -> None:
    assert address_for(where, machine, place, asked) == expected


@pytest.mark.parametrize(
    ("where", "machine", "place", "is_done", "command"),
    [
        (Where.WSL_NAT, WINDOWS, LOOPBACK, False, "-LocalPort 11435 -RemoteAddress 172.16.0.0/12"),
        (Where.WSL_NAT, WINDOWS, EVERYWHERE, True, "New-NetFirewallRule"),
        (Where.WSL_MIRRORED, WINDOWS, LOOPBACK, True, "networkingMode=mirrored"),
        (Where.WSL_MIRRORED, WINDOWS, ONE, False, "wsl --shutdown"),
        (Where.ELSEWHERE, WINDOWS, EVERYWHERE, True, "-RemoteAddress LocalSubnet"),
        (Where.ELSEWHERE, LINUX, LOOPBACK, False, "from 192.168.1.0/24 to any port 11435"),
        (Where.ELSEWHERE, replace(LINUX, is_wsl=True), ONE, True, "netsh interface portproxy"),
        (Where.HERE, LINUX, LOOPBACK, True, ""),
    ],
)
def test_steps_say_what_to_bind_to_and_what_to_let_through(
    where: Where, machine: Machine, place: Place, is_done: bool, command: str
) -> None:
    steps = steps_for(where, machine, place)
    known = [step.is_done for step in steps if step.is_done is not None]
    assert (False not in known) is is_done
    assert command in "\n".join(step.command for step in steps)


@pytest.mark.parametrize("shell", ["sh", "powershell"])
@pytest.mark.parametrize("key", list(BY_KEY))
def test_every_snippet_has_this_servers_address_or_model(key: str, shell: str) -> None:
    snippets = BY_KEY[key].fill(replace(FILLED, shell=shell))
    text = "\n".join(snippet.code for snippet in snippets)
    assert "127.0.0.1:11435" in text
    assert "qwen3:8b" in text or key == "open-webui"
    assert all(snippet.place for snippet in snippets)


def test_snippets_that_are_files_are_valid_ones() -> None:
    codex = tomllib.loads(BY_KEY["codex"].fill(FILLED)[1].code)
    assert codex["model_providers"]["npuconsole"]["base_url"] == "http://127.0.0.1:11435/v1"
    (models,) = json.loads(BY_KEY["vs-code"].fill(FILLED)[0].code)
    assert models["models"][0]["url"] == "http://127.0.0.1:11435/v1/chat/completions"
    assert models["models"][0]["maxInputTokens"] + models["models"][0]["maxOutputTokens"] == 40_960
    for client in CLIENTS:
        for snippet in client.fill(FILLED):
            if snippet.place.startswith("pip install"):
                compile(snippet.code, client.key, "exec")


def test_a_model_too_small_for_a_client_is_told() -> None:
    small = replace(FILLED, context_tokens=8192, has_tools=False)
    assert cautions_of(BY_KEY["claude-code"], FILLED) == ()
    first, second = cautions_of(BY_KEY["claude-code"], small)
    assert "holds 8,192" in first
    assert "32,000" in first
    assert "tools" in second
    assert cautions_of(BY_KEY["curl"], small) == ()
    assert "servers" in cautions_of(BY_KEY["cursor"], FILLED)[0]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("claude-cli/2.1.3 (external, cli)", "Claude Code 2.1.3"),
        ("codex_cli_rs/0.169.0 (Debian 12; x86_64)", "Codex 0.169.0"),
        ("ollama-python/0.6.0 (x86_64 linux) Python/3.11.7", "ollama for Python 0.6.0"),
        ("ollama/0.12.3 (amd64 linux) Go/go1.24", "ollama CLI 0.12.3"),
        ("AsyncOpenAI/Python 2.1.0", "openai for Python 2.1.0"),
        ("OpenAI/JS 6.1.0", "openai for JavaScript 6.1.0"),
        ("Anthropic/Python 0.70.0", "anthropic for Python 0.70.0"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("Python/3.12 aiohttp/3.11.2", "aiohttp 3.11.2"),
        ("Mozilla/5.0 (X11) Chrome/120.0", "a browser"),
        ("Mozilla/5.0 Code/1.122.0 Electron/30", "VS Code 1.122.0"),
        ("my-agent", "my-agent"),
        ("", "a client without a name"),
    ],
)
def test_clients_are_called_as_people_call_them(agent: str, words: str) -> None:
    assert client_words(agent) == words


def test_each_client_is_kept_once_with_its_latest_request_first() -> None:
    callers = Callers()
    first = callers.arrived("127.0.0.1", "curl/8.5.0", "GET", "/api/tags")
    first.status = 200
    callers.arrived("192.168.1.9", "claude-cli/2.1.3", "POST", "/v1/messages")
    callers.arrived("127.0.0.1", "curl/8.5.0", "POST", "/api/chat")
    curl, claude = draw_callers(callers.latest(5))
    assert (curl.client, curl.request, curl.requests, curl.status) == (
        "curl 8.5.0",
        "POST /api/chat",
        2,
        0,
    )
    assert (claude.address, claude.client) == ("192.168.1.9", "Claude Code 2.1.3")
    for number in range(2 * MOST_KEPT):
        callers.arrived(f"10.0.0.{number}", "x", "GET", "/")
    assert len(callers.latest(1000)) == MOST_KEPT
