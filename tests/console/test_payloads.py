"""What people and models write never runs: thirty tricks, on every page that shows a conversation,
while they stream and from the database, the admin's pages included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.appliance_process import STARTER, Appliance, change_rows, copy_home
from tests.conftest import StartAppliance
from tests.console.conftest import Browser
from tests.console.payloads import PAYLOADS

ADMIN = "/admin/inference"
ROWS = """
import json
from django.contrib.auth.models import User
payloads = json.loads({payloads!r})
User.objects.create_superuser("owner", password="owner")
for payload in reversed(payloads):
    models.Conversation.objects.create(title=payload[:200], settings={{"system": payload}})
all_in_one = models.Conversation.objects.create(
    title=payloads[0], settings={{"lanes": [{{"model": payloads[3], "device": payloads[3]}}]}}
)
for payload in payloads:
    asked = all_in_one.messages.create(role="user", content=payload)
    all_in_one.messages.create(
        role="assistant", content=payload, thinking=payload,
        tool_calls=[{{"id": payload, "name": payload, "arguments": {{payload: payload}},
                      "problem": payload}}],
        receipt={{"question": asked.pk, "model": payload, "device": payload, "why": payload,
                  "error": payload, "ignored": [payload], "request_id": payload}},
    )
"""
WATCH = """
window.ran = [];
window.alert = window.confirm = window.prompt = () => window.ran.push("dialog");
"""
"""In every document before anything of it; a payload that runs replaces or fills `ran`."""

DANGEROUS = """
return [...document.querySelectorAll(arguments[0])].flatMap((root) =>
  [...root.querySelectorAll("*")].filter((node) =>
    node.matches(
      "script, iframe, object, embed, img, video, style, link, meta, base, form form, math"
    )
    || [...node.attributes].some(({name, value}) => name.startsWith("on")
      || (["href", "src", "action", "xlink:href", "formaction"].includes(name)
          && !/^(https?:\\/\\/|mailto:|[/#?]|$)/i.test(value)))
  ).map((node) => node.outerHTML.slice(0, 200)))
"""


STREAM = """
const [payloads, done] = arguments;
import("/static/console/js/answer.js").then(async ({AnswerView}) => {
  for (const payload of payloads) {
    const view = new AnswerView({onAgain: () => {}});
    document.querySelector("#chat-log").append(view.node);
    const receipt = {device: payload, wished: payload, why: payload, model: payload,
                     request_id: payload, prompt_tokens: 1, ignored: [payload]};
    view.started(receipt);
    view.think({text: payload, tokens: 1});
    view.call({call: {name: payload, arguments: {[payload]: payload}, problem: payload}});
    for (const character of payload) {
      view.add({text: character, tokens: 1});
      if (character === ">") await new Promise(requestAnimationFrame);
    }
    view.ended({type: "error", message: payload, receipt});
  }
  done([...document.querySelectorAll(".answer-text")].length);
}, (error) => done(String(error)));
"""
"""An answer's frames as the page draws them, character by character; no model writes these."""


@pytest.fixture
def echo(starter_home: Path, tmp_path: Path, start_appliance: StartAppliance) -> Appliance:
    """A server without a model's load (its engine echoes), with the payloads in its database and an
    owner."""
    home = copy_home(starter_home, tmp_path / "home")
    change_rows(home, ROWS.format(payloads=json.dumps(PAYLOADS)))
    appliance = start_appliance(home, NPU_PROXY_REAL_INFERENCE="0")
    appliance.wait_until_started()
    return appliance


def nothing_ran(browser: Browser, place: str) -> None:
    assert browser.run("return JSON.stringify(window.ran)") == "[]", browser.driver.current_url
    assert browser.run(DANGEROUS, place) == [], browser.driver.current_url


def test_thirty_payloads_are_shown_and_never_run(browser: Browser, echo: Appliance) -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) == 30
    browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    browser.open(f"{echo.url}/chat/")
    browser.find("#id_username").send_keys("owner")
    browser.find("#id_password").send_keys("owner\n")

    # In the list, as title, system prompt and model, and searched for.
    browser.wait(lambda: len(browser.all(".talk")) == 31)
    shown = [title.get_attribute("textContent") for title in browser.all(".talk-title")]
    assert shown == [PAYLOADS[0], *PAYLOADS]
    nothing_ran(browser, "#talks")

    # Kept questions and answers, with everything that an answer has.
    browser.find(".talk-link").click()
    browser.wait(lambda: len(browser.all(".answer")) == 30)
    asked = [one.get_attribute("textContent") for one in browser.all(".asked")]
    assert asked == list(PAYLOADS)
    assert len(browser.all(".call")) == len(browser.all(".reasoning")) == 30
    nothing_ran(browser, "#chat-page")
    one = browser.driver.current_url
    for link in browser.all(".answer-text a"):
        assert link.get_attribute("href").startswith(("http://evil.example/", "https://"))

    # Deleting names the payload.
    browser.run("document.querySelector('.talk-bin').click()")
    browser.wait(lambda: browser.all("dialog[open]"))
    nothing_ran(browser, "dialog")

    # Asked now, and streamed.
    browser.open(f"{echo.url}/chat/?to={STARTER}&q=%3Cscript%3E")
    browser.wait(lambda: browser.find("#chat-text").is_enabled())
    assert browser.find("#talks-query").get_attribute("value") == "<script>"
    assert browser.all(".talk-snippet mark")
    text = "\n\n".join(PAYLOADS)
    browser.run(
        """
        const field = document.querySelector("#chat-text");
        field.value = arguments[0];
        field.dispatchEvent(new Event("input", {bubbles: true}));
        document.querySelector("#chat-form").requestSubmit();
        """,
        text,
    )
    browser.wait(lambda: browser.all(".answer") and not browser.all("[aria-busy]"), 60)
    assert browser.run("return document.querySelector('.asked').textContent") == text.strip()
    nothing_ran(browser, "#chat-page")

    browser.driver.set_script_timeout(60)
    assert browser.driver.execute_async_script(STREAM, PAYLOADS) == 31
    assert "evil.example" in browser.text(".answer-text")
    nothing_ran(browser, "#chat-page")

    # The admin: lists, searches, rows, and what deleting shows.
    number = one.rstrip("/").rpartition("/")[2]
    pages = ["conversation/", "conversation/?q=script", f"conversation/{number}/change/"]
    pages += [f"conversation/{number}/delete/", "conversationmessage/?q=script"]
    pages += ["conversationmessage/2/change/", "conversationmessage/60/change/"]
    for page in pages:
        browser.open(f"{echo.url}{ADMIN}/{page}")
        assert "<script>" in browser.run("return document.body.innerText"), page
        assert browser.run("return JSON.stringify(window.ran)") == "[]", page
        assert not browser.all("[onerror], [onload], [ontoggle], [onbegin], [onfocus], iframe"), (
            page
        )
    browser.open(f"{echo.url}{ADMIN}/conversation/{number}/delete/")
    browser.find("form:has([name=post]) button").click()
    browser.wait(lambda: "deleted successfully" in browser.text("body"))
    assert browser.run("return JSON.stringify(window.ran)") == "[]"

    assert browser.requested_hosts() == {f"127.0.0.1:{echo.port}"}
    assert [said for said in browser.complaints() if "Content Security Policy" in said] == []
