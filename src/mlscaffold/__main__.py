"""`python -m mlscaffold` and the console script."""


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from mlscaffold import cli

    cli.main()


if __name__ == "__main__":
    main()
