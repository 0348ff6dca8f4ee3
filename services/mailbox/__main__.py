"""python -m services.mailbox: what is kept for each account."""

from services.mailbox.app import build
from services.mailbox.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("mailbox", Settings, build)
