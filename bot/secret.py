"""Secrets that come by the environment: taken out of it, and out of the memory that it was given in.

`os.environ.pop` alone leaves the text where the system put it at the start: whoever may read /proc/<pid>/environ still finds it
there, and a child process of the same user may.
"""

from __future__ import annotations

import ctypes
import os


def take(name: str) -> str:
    """The variable's value ("" where it is not set), which nobody finds in this process's environment from now on."""
    value = os.environ.get(name, "")
    if os.name == "posix" and value:
        getenv = ctypes.CDLL(None).getenv
        getenv.argtypes, getenv.restype = [ctypes.c_char_p], ctypes.c_void_p
        if place := getenv(os.fsencode(name)):
            ctypes.memset(place, 0, len(os.fsencode(value)))
    os.environ.pop(name, None)
    return value
