"""The watermark of every clip: put in, and looked for. numpy and scipy only; docs/watermark.md says what it proves.

How it is put in: marking.py. How it is found: mark_search.py. Where the key comes from: mark_key.py.
"""

from __future__ import annotations

from synth.mark_key import PUBLIC_KEY
from synth.mark_search import Mark, detect, detect_each
from synth.marking import Embedder, embed

__all__ = ["PUBLIC_KEY", "Embedder", "Mark", "detect", "detect_each", "embed"]
