"""The C library's allocator, set for what pods do: many buffers of some ten thousand octets, and many idle connections.

* What is freed at the top of the heap is kept, up to a bound. glibc gives it back to the kernel each time and gets it
  again page by page, zeroed: four fifths of what a message of letters costs to pack.
* Buffers from ``LARGE`` on come from the kernel, and go back there. uvloop has one of that size for each TLS connection,
  of which a few pages are ever used. glibc learns to take such buffers from its heap instead, where each new connection
  gets pages that others have used: after some thousand an idle one costs 90 KiB instead of 30.

What an operator says by MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_ stays; another C library is left as it is.
"""

from __future__ import annotations

import ctypes
import os

KEPT = 8 * 1024 * 1024
LARGE = 256 * 1024
_MALLOPT = (  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD; octets
    ("MALLOC_TRIM_THRESHOLD_", -1, KEPT),
    ("MALLOC_MMAP_THRESHOLD_", -3, LARGE),
)


def keep_freed() -> bool:
    """False where nothing was set."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name, _, _ in _MALLOPT):
        return False
    return all(mallopt(option, octets) == 1 for _, option, octets in _MALLOPT)
