"""/v1/responses, stateless: items in, items out, no memory of either.

`schemas` (what clients send), `items` (input items to messages), `tools` (which may be called, and
under which names), `translation` (all of it to the one internal request), `resource` (the response
object), `frames` (its events). `openai.routes` mounts `routes.router`.
"""
