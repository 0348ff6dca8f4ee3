"""python -m services.mx."""

from services.mx.app import build
from services.mx.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("mx", Settings, build)
