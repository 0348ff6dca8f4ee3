"""One target under atheris, in a process of its own: libFuzzer ends it (`python -m tests.fuzz.covered TARGET CORPUS -flags`)."""

import sys

import atheris

with atheris.instrument_imports(include=["yubin"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
