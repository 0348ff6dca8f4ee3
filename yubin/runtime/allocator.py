"""The C library's allocator, set for what pods do: many buffers of some ten thousand octets, and many idle connections.

* What is freed at the top of the heap is kept, up to a bound. glibc gives it back to the kernel each time and gets it
  again page by page, zeroed: four fifths of what a message of letters costs to pack.
* Buffers from ``large`` on come from the kernel, and go back there. uvloop has one of that size for each TLS connection,
  of which a few pages are ever used. glibc learns to take such buffers from its heap instead, where each new connection
  gets pages that others have used: after some thousand an idle one costs 90 KiB instead of 30. A pod that has none, and
  larger buffers, says so.

What an operator says by MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_ stays; another C library is left as it is.
"""

from __future__ import annotations

import ctypes
import os

KEPT = 8 * 1024 * 1024
LARGE = 256 * 1024
_TRIM, _MMAP = -1, -3  # malloc.h
_THEIRS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed(large: int = LARGE) -> bool:
    """False where nothing was set. ``large`` in octets; what is said last holds."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in _THEIRS):
        return False
    return bool(mallopt(_TRIM, KEPT) == 1 == mallopt(_MMAP, large))
