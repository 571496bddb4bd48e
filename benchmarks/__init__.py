"""Side-by-side measurements of the appliance, run by people and by the release.

`python -m benchmarks.serving` compares the appliance with the raw engine loop and with llama-server
in one run; docs/benchmarks.md says what each figure means. Nothing here is imported by the product.
"""
