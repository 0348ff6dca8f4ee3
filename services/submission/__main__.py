"""python -m services.submission."""

from services.submission.app import build
from services.submission.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("submission", Settings, build)
