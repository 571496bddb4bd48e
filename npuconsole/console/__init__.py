"""The console: what a person sees in a browser.

Pages (`urls`, `views`) are plain Django; what moves comes over two websockets (`routing`,
`consumers`): the state of the machine as whole pictures (`state`, `live`), and answers token by
token (`commands`, `answers`). Reads `inference` through its queries, generates through dispatch.
"""
