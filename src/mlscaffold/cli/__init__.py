"""The command line: the only folder that prints or exits. Exit codes: 0 clean, 1 findings or conflicts, 2 cannot run.

`lint` with plain flags is run without Typer (`quick.py`): a hook runs at every commit, and Typer alone costs seven bare Pythons.
"""

import gc
import os
import signal
import sys

from mlscaffold.errors import MlscaffoldError
from mlscaffold.light import NoReturn

CANNOT_RUN = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main() -> NoReturn:
    """Run the command line; turn errors into one message and exit code 2."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        try:
            sys.exit(_run(sys.argv[1:]))
        finally:
            sys.stdout.flush()
    except MlscaffoldError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("interrupted; nothing was left half written", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _give_up_output()
        sys.exit(CANNOT_RUN)
    except OSError as error:
        if error.filename is not None:
            raise
        _give_up_output()
        fail(f"standard output cannot be written: {error.strerror}")


def _give_up_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains when it flushes


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["lint"]:
        from mlscaffold.cli import quick

        plain = quick.read(arguments[1:])
        if plain is not None:
            from mlscaffold.cli.lint import run

            gc.disable()  # facts and values hold no cycles that matter, and looking for them costs a tenth of a run
            _leave(run(plain))
    from mlscaffold.cli.app import app

    app()
    return 0


def _leave(code: int) -> NoReturn:
    """End without taking the process apart piece by piece: that is memory which the system takes back at once."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def fail(message: str) -> NoReturn:
    """Say what went wrong and end with exit code 2."""
    word = "\033[1;31merror\033[0m" if sys.stderr.isatty() and "NO_COLOR" not in os.environ else "error"
    print(f"{word}: {message}", file=sys.stderr)
    sys.exit(CANNOT_RUN)
