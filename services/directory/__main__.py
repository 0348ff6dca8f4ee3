"""``python -m services.directory``"""

from __future__ import annotations

from services.directory.app import build
from services.directory.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("directory", Settings, build)
