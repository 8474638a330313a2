"""Command lines -> what they start: the server, the file or application, workers, threads, time-out, port."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mlscaffold.light import expression, replace
from mlscaffold.lint.deploy.process import Command, Figure, Target
from mlscaffold.lint.deploy.quantity import seconds_of

LONGEST = 10_000  # characters of a command line

_ENDS = expression(r"^(&&|\|\||[;&|()]+)$")
_VARIABLE = expression(r"\$(?:\{(\w+)(?:(:?[-=?+])([^}]*))?\}|(\w+))")
_SUBSTITUTION = expression(r"\$\([^()]*\)|`[^`]*`")
_ASSIGNMENT = expression(r"^([A-Za-z_]\w*)=(.*)$", re.DOTALL)
_APPLICATION = expression(r"^([A-Za-z_][\w.]*):[A-Za-z_][\w.]*(\(.*\))?$")
_MODULE = expression(r"^[A-Za-z_]\w*(\.\w+)*$")
_SCRIPT = expression(r"(^|/)(docker-)?(entrypoint|start|run)$")
_HANDLER = expression(r"^[A-Za-z_][\w/]*(\.[\w/]+)*\.\w*[hH]andler\w*$")
_PYTHON = expression(r"^(python|pypy)(\d+(\.\d+)*)?$")
_NOT_STARTED = frozenset(
    "echo printf pip pip3 apt apt-get apk yum which cat grep sed awk pkill kill killall if while for case test [ [[ "
    "mkdir cp mv rm chmod chown ln wget curl conda mamba npm git docker docker-compose kubectl screen tmux alias".split()
)
_SERVERS = frozenset(
    "gunicorn uvicorn hypercorn granian daphne waitress-serve uwsgi celery rq arq dramatiq taskiq huey_consumer "
    "huey_consumer.py streamlit fastapi flask serve bentoml litestar chainlit sanic robyn".split()
)
# Options that take no value; of every other one the next word is the value.
_FLAGS = frozenset(
    "--preload --reload --factory --daemon -D --proxy-headers --no-access-log --use-colors --no-use-colors --debug "
    "--no-server-header --no-proxy-headers --http --lazy-apps --enable-threads --master --need-app --die-on-term "
    "--with-threads --without-threads --no-reload --beat -B -u -O -OO -B -E -I -s -S -v -vv -q -x --headless "
    "--without-gossip --without-mingle --without-heartbeat --dev --ws --access-log --single-process --fast "
    "--purge --events".split()
)
_WORKERS = {
    "gunicorn": ("-w", "--workers"),
    "uvicorn": ("--workers",),
    "hypercorn": ("-w", "--workers"),
    "granian": ("--workers",),
    "fastapi": ("--workers",),
    "uwsgi": ("-p", "--processes", "--workers"),
    "celery": ("-c", "--concurrency"),
    "dramatiq": ("-p", "--processes"),
    "bentoml": ("--api-workers",),
    "sanic": ("-w", "--workers"),
    "taskiq": ("-w", "--workers"),
}
_FROM_ENVIRONMENT = frozenset(("gunicorn", "uvicorn", "hypercorn", "fastapi"))  # these read WEB_CONCURRENCY
_THREADS = ("--threads", "--runtime-threads", "-t")
_THREADED = frozenset(("gunicorn", "granian", "waitress-serve", "uwsgi", "dramatiq"))


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """The text with `$NAME` and `${NAME:-default}` filled in as far as they are known."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[4]
        known = environment.get(name, "")
        if found[2] and "+" in found[2]:
            return found[3] if known else ""
        if known:
            return known
        return found[3] if found[2] and found[2][-1] in "-=" else found[0]

    return _VARIABLE.sub(value, text)


def words_of(text: str) -> list[str]:
    """The words of a shell command; the signs between commands are words of their own."""
    text = _SUBSTITUTION.sub("$__", text[:LONGEST])  # what a command prints is not known
    import shlex

    lexer = shlex.shlex(text, posix=True, punctuation_chars="();&|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        return list(lexer)
    except ValueError:  # a quote that is not closed
        return text.split()


def commands(text: str | Sequence[str], path: str, line: int, environment: Mapping[str, str]) -> Iterator[Command]:
    """Every Python process that a command line (or a list of its words) starts."""
    known = dict(environment)
    for raw, sign in _simple(words_of(text) if isinstance(text, str) else text):
        while raw and (assigned := _ASSIGNMENT.match(raw[0])):
            known[assigned[1]] = expanded(assigned[2], known)
            raw = raw[1:]
        if raw[:1] == ["export"]:
            known.update((found[1], expanded(found[2], known)) for word in raw[1:] if (found := _ASSIGNMENT.match(word)))
        for command in _of_simple(raw, path, line, known):
            yield replace(command, background=True) if sign == "&" else command


def scripts_of(text: str | Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """The shell scripts that a command line runs."""
    words = [expanded(word, environment) for word in (words_of(text) if isinstance(text, str) else text)]
    for simple, _ in _simple(words):
        for word in simple[:8]:
            if word.endswith((".sh", ".bash")) or (
                simple[0] == word and re.search(r"(^|/)(docker-)?(entrypoint|start|run)$", word)
            ):
                yield word
                break


def _simple(words: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """The simple commands, each with the sign that ends it."""
    current: list[str] = []
    for word in words:
        if _ENDS.match(word):
            yield current, word
            current = []
        else:
            current.append(word)
    yield current, ""


def _of_simple(raw: list[str], path: str, line: int, environment: Mapping[str, str]) -> Iterator[Command]:
    words = [expanded(word, environment) for word in raw]
    text = " ".join(raw)  # as it is written: a variable's value may be a secret
    if not words or words[0].rpartition("/")[2] in _NOT_STARTED:
        return
    for place, word in enumerate(words):
        name = word.rpartition("/")[2]
        if name in ("bash", "sh") and words[place + 1 : place + 2] and words[place + 1] in ("-c", "-lc", "-ec", "-xc"):
            yield from commands(" ".join(raw[place + 2 : place + 3]), path, line, environment)
            return
        if _PYTHON.match(name):
            yield from _python(words[place + 1 :], text, path, line, environment)
            return
        if name in _SERVERS:
            yield _served(name, words[place + 1 :], text, path, line, environment)
            return
        if len(words) == 1 and _HANDLER.match(word):  # what an image for functions is started with
            target = Target("script", f"{word.rpartition('.')[0].replace('.', '/')}.py")
            yield Command(word, path, line, "lambda", target)
            return
        if place == 0 and word.endswith(".py"):
            yield Command(text, path, line, "python", Target("script", word))
            return


def _python(words: list[str], text: str, path: str, line: int, environment: Mapping[str, str]) -> Iterator[Command]:
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c", "-"):
        rest = rest[2:] if rest[0] in ("-W", "-X") else rest[1:]
    if rest[:1] == ["-m"] and len(rest) > 1:
        if rest[1] in _SERVERS:
            yield _served(rest[1], rest[2:], text, path, line, environment)
        elif rest[1] == "awslambdaric":
            yield from _of_simple(rest[2:3], path, line, environment)
        elif _MODULE.match(rest[1]):
            yield _with_options(Command(text, path, line, "python", Target("module", rest[1])), rest[2:])
    elif rest and rest[0].endswith("manage.py") and not {"runserver", "runserver_plus", "rqworker", "qcluster"} & set(rest):
        return  # it migrates, collects, tests: no server
    elif rest and rest[0].endswith(".py"):
        yield _with_options(Command(text, path, line, "python", Target("script", rest[0])), rest[1:])


def _with_options(command: Command, words: list[str]) -> Command:
    options = dict(_options(words))
    server = "django" if command.target and command.target.text.endswith("manage.py") else command.server
    workers = _count(options.get("--workers", ""), command.path, command.line)
    return replace(command, server=server, workers=workers, port=_port(options))


def _served(server: str, words: list[str], text: str, path: str, line: int, environment: Mapping[str, str]) -> Command:
    if server == "gunicorn" and environment.get("GUNICORN_CMD_ARGS"):
        words = [*words_of(environment["GUNICORN_CMD_ARGS"]), *words]
    options = dict(_options(words))
    number = next((options[flag] for flag in _WORKERS.get(server, ()) if flag in options), "")
    if not number and server in _FROM_ENVIRONMENT:
        number = environment.get("WEB_CONCURRENCY", "")
    if server == "celery":
        number = _of_celery(options, number)
    timeout = options.get("--timeout", options.get("-t", "")) if server == "gunicorn" else options.get("--time-limit", "")
    threads = next((options[flag] for flag in _THREADS if flag in options and (flag != "-t" or server == "dramatiq")), "")
    return Command(
        text=text,
        path=path,
        line=line,
        server=server.removesuffix(".py").replace("huey_consumer", "huey"),
        target=_target(server, words, options, environment),
        workers=_count(number, path, line),
        threads=_count(threads, path, line) if server in _THREADED else None,
        timeout_s=_seconds(timeout, path, line),
        port=_port(options),
        preload="--preload" in words or (server == "uwsgi" and "--lazy-apps" not in words),
        config=options.get("-c", options.get("--config", "")) if server == "gunicorn" else options.get("--ini", ""),
    )


def _of_celery(options: Mapping[str, str], number: str) -> str:
    """How many processes a celery worker has: some pools have one."""
    if options.get("-P", options.get("--pool", "prefork")) not in ("prefork", "processes"):
        return "1"
    return options.get("--autoscale", "").partition(",")[0] or number


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options of a command with their values."""
    for place, word in enumerate(words):
        if not word.startswith("-") or word == "-":
            continue
        name, equals, value = word.partition("=")
        following = words[place + 1] if place + 1 < len(words) else ""
        if equals:
            yield name, value
        elif re.fullmatch(r"-[wcptb]\d+", word):
            yield word[:2], word[2:]
        elif name not in _FLAGS and not (following.startswith("-") and not following.lstrip("-").isdecimal()):
            yield name, following


def _plain(words: Sequence[str]) -> Iterator[str]:
    """The words that are neither options nor their values."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-") and word != "-":
            skip = "=" not in word and word not in _FLAGS and not re.fullmatch(r"-[wcptb]\d+", word)
        else:
            yield word


def _target(server: str, words: list[str], options: Mapping[str, str], environment: Mapping[str, str]) -> Target | None:
    if server == "celery":
        named = options.get("-A", options.get("--app", ""))
        return _as_target(named, module="module") if named else None
    if server == "arq":
        named = next(iter(_plain(words)), "").rpartition(".")[0]
        return _as_target(named, module="module") if named else None
    if server == "flask":
        named = options.get("--app", options.get("-A", environment.get("FLASK_APP", "app.py")))
        return _as_target(named, module="application")
    if server == "uwsgi":
        named = options.get(
            "--wsgi-file", options.get("--module", options.get("-w", options.get("--mount", "").partition("=")[2]))
        )
        return _as_target(named, module="application") if named else None
    plain = list(_plain(words))
    if server in ("streamlit", "fastapi", "chainlit", "serve", "bentoml", "litestar"):
        verbs = ("run", "dev", "serve", "serve-http", "start", "worker")
        plain = plain[1:] if plain and plain[0] in verbs else []
        if not plain and (named := options.get("--app", "")):
            plain = [named]
        if not plain and server == "fastapi":
            plain = ["main.py"]
    if server == "taskiq":
        plain = plain[1:]
    if server in ("rq", "huey_consumer") or not plain:
        return None
    # `_plain` takes a flag that it does not know for an option with a value: an application shows itself by its colon.
    shown = next((word for word in words if _APPLICATION.match(word)), "")
    return _as_target(shown or plain[0], module="application")


def _as_target(word: str, *, module: str) -> Target | None:
    text = word.strip("'\"")
    if "$" in text or "*" in text:
        return None
    if text.endswith(".py") or (".py:" in text):
        return Target("script", text.partition(":")[0])
    found = _APPLICATION.match(text.split("(", 1)[0])
    if found:
        return Target("application", found[1])
    if _MODULE.match(text):
        return Target("module" if module == "module" else "application", text)
    return None


def _count(text: str, path: str, line: int) -> Figure | None:
    return Figure(float(text), path, line) if text.isdecimal() and int(text) > 0 else None


def _seconds(text: str, path: str, line: int) -> Figure | None:
    seconds = seconds_of(text) if text else None
    return Figure(seconds, path, line) if seconds is not None else None


def _port(options: Mapping[str, str]) -> int | None:
    for flag in ("--port", "-p", "--bind", "-b", "--http", "--listen", "--server.port"):
        number = options.get(flag, "").rpartition(":")[2]
        if number.isdecimal() and 0 < int(number) < 65_536:
            return int(number)
    return None
