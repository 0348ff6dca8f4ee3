"""python -m services.resolver: what DNS says, cached, bounded and kept from pointing inside."""

from services.resolver.app import build
from services.resolver.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("resolver", Settings, build)
