"""Thirty texts that a page must show and never run. Each that could run would call `alert`, set
`window.ran` or ask `evil.example` for something."""

from __future__ import annotations

RUN = "window.ran='yes'"

PAYLOADS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"<img src=x onerror={RUN}>",
    f'<img src=x onerror="{RUN}" alt=\'',
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s></svg>",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<input autofocus onfocus={RUN}>",
    f"<video><source onerror={RUN}></video>",
    '<iframe srcdoc="<script>parent.ran=1</script>"></iframe>',
    "<iframe src=javascript:parent.ran=1></iframe>",
    f"<math><mtext></mtext><mglyph><style><img src=x onerror={RUN}></style></mglyph></math>",
    '<link rel=stylesheet href="http://evil.example/x.css">',
    '<meta http-equiv=refresh content="0;url=http://evil.example/">',
    "<style>@import 'http://evil.example/x.css'; body{display:none}</style>",
    "<base href=http://evil.example/>",
    "<form action=http://evil.example/><button id=chat-send>x</button></form>",
    f"[click](javascript:{RUN})",
    f"[click](JaVaScRiPt:{RUN})",
    f"[click](  java\tscript:{RUN})",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    f'![x](x" onerror="{RUN}) ![y](http://evil.example/pixel.png)',
    f"<javascript:{RUN}> <vbscript:msgbox(1)>",
    f"```html\n<script>{RUN}</script>\n```",
    f'[a]: javascript:{RUN} "x"\n[a] | b\n--|--\n<b onclick={RUN}>1</b> | `</code><script>{RUN}`',
    f'{{{{constructor.constructor("{RUN}")()}}}} ${{{RUN}}} {{% debug %}} x-data="{RUN}"',
    f"\u202e<script>{RUN}</script>\u2028<!--<script>{RUN}//--> &lt;script&gt;{RUN}&lt;/script&gt;",
)
