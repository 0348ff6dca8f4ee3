"""python -m services.gateway."""

from services.gateway.app import build
from services.gateway.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("gateway", Settings, build)
