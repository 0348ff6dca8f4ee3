from services.api.app import build
from services.api.config import Settings
from yubin.runtime.process import main

if __name__ == "__main__":
    main("api", Settings, build)
