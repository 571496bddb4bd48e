"""The page Connect in a real browser."""

from __future__ import annotations

import httpx

from tests.appliance_process import STARTER, Appliance
from tests.console.conftest import Browser


def test_snippets_follow_the_choices_and_who_calls_is_seen_at_once(
    browser: Browser, server: Appliance
) -> None:
    browser.open(f"{server.url}/connect/")
    assert server.url in browser.text(".snippet pre")
    assert STARTER in browser.text(".snippet pre")

    browser.find("#client-claude-code").click()
    browser.wait(lambda: browser.text("#client-title") == "Claude Code")
    assert f"ANTHROPIC_BASE_URL={server.url}" in browser.text(".snippet pre")
    assert "holds 8,192 tokens" in browser.text(".client .notice")
    browser.run(
        "const s = document.querySelector('#connect-from'); s.value = 'wsl-nat';"
        "s.dispatchEvent(new Event('change', {bubbles: true}))"
    )
    browser.wait(lambda: "New-NetFirewallRule" in browser.text(".steps"))
    assert "only this machine reaches" in browser.text(".steps [data-done='no']")
    assert browser.text("#client-title") == "Claude Code"
    address = browser.run("return location.search")
    assert "from=wsl-nat" in address
    assert "client=claude-code" in address
    assert "WINDOWS-ADDRESS" in browser.text(".client pre")

    browser.wait(lambda: browser.run("return document.body.dataset.link === undefined"))
    httpx.get(
        f"{server.url}/v1/models",
        headers={"User-Agent": "claude-cli/9.8.7 (external, cli)"},
        trust_env=False,
    )
    browser.wait(lambda: "Claude Code 9.8.7" in browser.text("#reached li:first-child"), 5)
    row = browser.text("#reached li:first-child")
    assert "from 127.0.0.1, 1 request" in row
    assert "GET /v1/models → 200" in row
    assert "just reached this server from 127.0.0.1" in browser.run(
        "return document.querySelector('#reached-spoken').textContent"
    )
    httpx.get(f"{server.url}/api/tags", headers={"Host": "evil.example"}, trust_env=False)
    browser.wait(lambda: "→ 421" in browser.text("#reached"), 5)
    browser.resize(390, 844)
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    assert not browser.complaints()
