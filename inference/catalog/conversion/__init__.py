"""Models of other tools made into OpenVINO's: safetensors from a hub or a folder.

`order` says what is to be made from where; the child process `python -m
inference.catalog.conversion` exports with optimum-intel (extra `convert`) and refuses a tokenizer
that did not survive (`tokenizer_check`, pure). Fewer bits come from `recompression` afterwards.
"""
