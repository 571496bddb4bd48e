"""Answers as formatted text: what is recognised, what is not, whatever the pieces it comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.appliance_process import Appliance
from tests.console.conftest import Browser

LINK = '<a href="{0}" title="{0}" rel="noopener noreferrer nofollow" target="_blank">{1}</a>'
CASES = {
    "# One\n### Three ###\n#no": "<h3>One</h3><h5>Three</h5><p>#no</p>",
    "a *b* **c** ***d*** _e_ ~~f~~ `g*h*`": "<p>a <em>b</em> <strong>c</strong> "
    "<em><strong>d</strong></em> <em>e</em> <del>f</del> <code>g*h*</code></p>",
    "snake_case_name 2 * 3 * 4 ~5~ **open": "<p>snake_case_name 2 * 3 * 4 ~5~ **open</p>",
    "one\ntwo\n\nthree\\*": "<p>one<br>two</p><p>three*</p>",
    "`` a`b `` and `open": "<p><code>a`b</code> and `open</p>",
    "- a\n- b\n  - c\n\n    more\n* d": "<ul><li>a</li><li>b<ul><li><p>c</p><p>more</p></li></ul>"
    "</li></ul><ul><li>d</li></ul>",
    "3. a\n4. b\n\ntext": '<ol start="3"><li>a</li><li>b</li></ol><p>text</p>',
    "> a\nb\n\n---": "<blockquote><p>a<br>b</p></blockquote><hr>",
    "[a](https://b.c) <https://d.e> https://f.g/h_(i).": "<p>"
    + LINK.format("https://b.c/", "a")
    + " "
    + LINK.format("https://d.e/", "https://d.e")
    + " "
    + LINK.format("https://f.g/h_(i)", "https://f.g/h_(i)")
    + ".</p>",
    "[mail](mailto:a@b.c) ![cat](http://x.y/z.png)": "<p>"
    + LINK.format("mailto:a@b.c", "mail")
    + " "
    + LINK.format("http://x.y/z.png", "cat")
    + "</p>",
    "[a](javascript:x) [b](/admin/) [c](data:x) [d](//e.f)": "<p>[a](javascript:x) [b](/admin/) "
    "[c](data:x) [d](//e.f)</p>",
    "<b>x</b> &amp; <!-- y -->": "<p>&lt;b&gt;x&lt;/b&gt; &amp;amp; &lt;!-- y --&gt;</p>",
}
CODE = "Look:\n```py\nif a < b:\n    *c*\n```\nafter\n~~~\nopen"
TABLE = "| a | b |\n|---|--:|\n| *1* | <i> |\n| 2 |\n\nend"


@pytest.fixture
def page(browser: Browser, server: Appliance) -> Browser:
    browser.open(f"{server.url}/chat/")
    browser.driver.set_script_timeout(20)
    return browser


def draw(page: Browser, texts: list[str]) -> list[list[str]]:
    """Each text's HTML, drawn whole, and again as it comes character by character."""
    drawn: Any = page.driver.execute_async_script(
        """
        const [texts, done] = arguments;
        import("/static/console/js/markdown.js").then(({Markdown, drawMarkdown}) => {
          done(texts.map((text) => {
            const whole = document.createElement("div");
            whole.append(...drawMarkdown(text));
            const streamed = document.createElement("div");
            const markdown = new Markdown(streamed);
            for (const character of text) markdown.append(character);
            markdown.end();
            return [whole.innerHTML, streamed.innerHTML];
          }));
        }, (error) => done([[String(error), ""]]));
        """,
        texts,
    )
    return list(drawn)


def test_markdown_becomes_nodes_and_nothing_else_does(page: Browser) -> None:
    texts = [*CASES, CODE, TABLE]
    drawn = draw(page, texts)

    for text, (whole, streamed) in zip(texts, drawn, strict=True):
        assert whole == CASES.get(text, whole), json.dumps(text)
        assert streamed == whole, f"in pieces: {json.dumps(text)}"
    code, table = drawn[-2][0], drawn[-1][0]
    assert "<span>py</span>" in code
    assert '<code tabindex="0">if a &lt; b:\n    *c*</code>' in code
    assert '<code tabindex="0">open</code>' in code
    assert '<td data-align="start"><em>1</em></td><td data-align="end">&lt;i&gt;</td>' in table
    assert '<td data-align="start">2</td><td data-align="end"></td>' in table


def test_what_is_finished_stays_and_no_text_takes_long(page: Browser) -> None:
    hard = ["*a _b " * 5000, "[" * 30000, "`a``b" * 6000, "- a\n" + "\n" * 30000, "> " * 15000]
    hard += ["# " + " " * 30000 + "x", "|" * 30000 + "\n" + "|-" * 15000, "![](" * 8000]
    page.driver.set_script_timeout(60)
    kept, lengths = page.driver.execute_async_script(
        """
        const [texts, done] = arguments;
        import("/static/console/js/markdown.js").then(({Markdown, drawMarkdown}) => {
          const node = document.createElement("div");
          const markdown = new Markdown(node);
          markdown.append("first\\n\\nsecond");
          const [first, second] = node.children;
          markdown.append(" and more\\n\\n```\\ncode");
          const code = node.querySelector("code");
          markdown.append(" and more");
          const kept = [first === node.children[0], second === node.children[1],
                        code === node.querySelector("code"), code.textContent];
          done([kept, texts.map((text) => drawMarkdown(text).length)]);
        });
        """,
        hard,
    )
    assert kept == [True, False, True, "code and more"]
    assert len(lengths) == len(hard)
