"""The C library's allocator, for what a pod does all day: buffers of some hundred kilobytes, made and freed at once.

glibc gives such memory back to the kernel with every free, and gets it again page by page, zeroed: four fifths of what a
message of letters costs to pack. So that much freed memory is kept as few buffers need. What an operator says by
MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_ stays; another C library is left as it is.
"""

from __future__ import annotations

import ctypes
import os

_MALLOPT = (  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD; octets
    ("MALLOC_TRIM_THRESHOLD_", -1, 8 * 1024 * 1024),
    ("MALLOC_MMAP_THRESHOLD_", -3, 2 * 1024 * 1024),
)


def keep_freed() -> bool:
    """False where there is nothing to set."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name, _, _ in _MALLOPT):
        return False
    return all([mallopt(option, octets) == 1 for _, option, octets in _MALLOPT])
