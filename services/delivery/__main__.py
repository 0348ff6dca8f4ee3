from services.delivery.app import build
from services.delivery.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("delivery", Settings, build)
