"""Texts to vectors. API families call `service.embed` and `service.load` with a `request`.

A text's way: `texts` makes ids of it, `cache` may know its vector, else `relay` has the engine
compute it (which lets all requests share its steps), and `vectors` gives it the form that was asked
for.
"""
