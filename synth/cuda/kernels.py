"""Whether Triton's kernels can be used: it comes with torch's builds for CUDA, but needs a C compiler at run time."""

from __future__ import annotations

import functools
import importlib.util
import logging

import torch

log = logging.getLogger(__name__)


@functools.cache
def usable(device: torch.device) -> bool:
    """Whether the kernels compile for this device and compute the right numbers; asked once, and answered in the log."""
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    try:
        from synth.cuda import trial  # noqa: PLC0415 -- needs Triton

        trial.run(device)
    except Exception as error:  # noqa: BLE001 -- a compiler, a driver, a card that Triton does not know: anything
        log.warning(
            "no Triton kernels, torch does the same and is slower: %s", str(error).strip() or type(error).__name__
        )
        return False
    return True
