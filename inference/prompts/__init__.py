"""From messages to token ids, and from an answer's text to its parts.

Entrances: `planned.plan_prompt` (prompt, grammar and parser of a request), `tokens.encode`,
`schemas.compiling.grammar_of` (a client's JSON schema), `capabilities`, `continuing` (the rest of a
constrained answer). Called by `planning`, `generation` and the families; knows no engine.
"""
