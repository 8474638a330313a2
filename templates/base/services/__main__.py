"""The Procfile, as `make run` writes it: each folder here with a `__main__.py` is a service and starts with the others.

Where each one listens goes to stderr.
"""

import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """One line for each service."""
    for path in sorted(Path(__file__).parent.glob("*/__main__.py")):
        package = path.parent.name
        name = package.replace("_", "-")
        settings = import_module(f"services.{package}.settings").Settings()
        print(f"{name}: exec .venv/bin/python -m services.{package}")
        print(f"{name}: http://127.0.0.1:{settings.port}/", file=sys.stderr)


if __name__ == "__main__":
    main()
