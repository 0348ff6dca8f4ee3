"""Property tests have no deadline: it would find busy neighbours guilty. Where time matters it is CPU time (mail/timing.py)."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("yubin", deadline=None)
settings.load_profile("yubin")
