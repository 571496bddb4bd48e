"""The support bundle: what helps somebody else to understand a problem, with nothing in it that is
the owner's own business. `bundle` gathers and packs it, `redaction` takes out what must not leave.
"""
