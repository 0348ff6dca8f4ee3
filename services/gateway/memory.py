"""What a pod full of idle connections keeps in memory.

uvloop has a buffer of 256 KiB for each TLS connection, of which a few pages are ever used. glibc takes the first such
buffers from the system, page by page as they are used, but then learns to keep them in its heap, where each new
connection gets pages that others have used: after some thousand connections an idle one costs 90 KiB instead of 30.
With a fixed threshold, which ends that learning, it stays below 60.
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h
THRESHOLD = 128 * 1024  # glibc's own first choice


def return_large_buffers() -> bool:
    """False where the C library has no such choice (musl, macOS); it is none of glibc's."""
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, THRESHOLD))
    except (AttributeError, OSError):
        return False
