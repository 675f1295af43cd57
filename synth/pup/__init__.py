"""The miniature Bark that ships with the code, so that everything runs without a download.

`model/` is a folder in the Hugging Face layout like any other, of 8 million parameters. It speaks simple English, in
two monotone voices; its README.md says what it was made from. `tokenizer.py` is its text tokenizer, which has no
counterpart in transformers; `ear.py` writes recordings down in its semantic tokens and `voicing.py` in its codes: they become voices.
"""
