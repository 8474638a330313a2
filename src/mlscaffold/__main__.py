"""`python -m mlscaffold` and the console script."""

import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from mlscaffold import cli

    cli.main()


if __name__ == "__main__":
    # `python -m` looks for modules in the current folder first: a linted repository could bring a yaml.py of its own
    del sys.path[0]
    main()
