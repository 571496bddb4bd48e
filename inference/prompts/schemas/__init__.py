"""From JSON schemas to grammars that hold an answer to them.

XGrammar's own converter, as OpenVINO GenAI 2026.4 carries it, is not used: of what it accepts it
ignores much in silence, gets some wrong and leaves white space without end to the model (table in
docs/structured-output.md). Here every keyword is held, refused by name, or reported. Entrance:
`compiling.grammar_of`.
"""
