"""Suppressing comments: what they hide, and what is said of those that hide nothing or say too little."""

import pytest

from mlscaffold.light import replace
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.rule import load_rules
from mlscaffold.lint.suppress import apply, suppressions
from mlscaffold.resources import rules_folder
from tests.lint.reports import FOUND

RULES = load_rules([rules_folder() / "about_the_run"])
TODAY = "2026-06-01"
RAN = ("MLS101", "several-models-in-one-server", "MLS201")


def finding(line: int, path: str = "app.py", code: str = "MLS101") -> Finding:
    return replace(FOUND, code=code, locations=(Location("other.py", 1), Location(path, line)))


def outcome(content: str, line: int, path: str = "app.py") -> tuple[list[str], list[str]]:
    """(codes that stay, reasons of those that are hidden)"""
    result = apply([finding(line, path)], suppressions(path, content.encode()), today=TODAY, ran=RAN)
    about = [one.code for rule in RULES for one in rule.review(result)]
    return [*(one.code for one in result.findings), *about], [one.reason for one in result.suppressed]


@pytest.mark.parametrize(
    ("content", "line", "path"),
    [
        ("a = 1  # mls: ignore[MLS101] -- agreed\n", 1, "app.py"),
        ("# mls: ignore[MLS101] -- agreed\na = 1\n", 2, "app.py"),
        ("# mls: ignore[MLS101] -- agreed\n# another comment\na = 1\n", 3, "app.py"),
        ("a = 1\n# mls: file-ignore[MLS101] -- agreed\n", 1, "app.py"),
        ("a = 1  # mls: ignore[several-models-in-one-server] -- agreed\n", 1, "app.py"),
        ("a = 1  # mls: ignore[MLS201, MLS101] -- agreed\n", 1, "app.py"),
        ("a = 1  # noqa  # mls: ignore[MLS101] until 2026-06-01 -- agreed\n", 1, "app.py"),
        ("services:\n  api: # mls: ignore[MLS101] -- agreed\n", 2, "compose.yaml"),
        ("# mls: ignore[MLS101] -- agreed\nCMD python app.py\n", 2, "Dockerfile"),
        ("#!/bin/sh\nexec gunicorn app # mls: ignore[MLS101] -- agreed\n", 2, "start.sh"),
        ("[program:api]\ncommand=uvicorn app:app ; mls: ignore[MLS101] -- agreed\n", 2, "supervisord.conf"),
        ("; mls: ignore[MLS101] -- agreed\n[uwsgi]\n", 2, "uwsgi.ini"),
        ("# mls: ignore[MLS101] -- agreed\nweb: gunicorn app:app\n", 2, "Procfile"),
        ("[services.api]\nentry = 'a.py' # mls: ignore[MLS101] -- agreed\n", 2, "mlscaffold.toml"),
        ("[Service]\n# mls: ignore[MLS101] -- agreed\nMemoryMax=1G\n", 3, "api.service"),
        ("\ufeffa = 1  # mls: ignore[MLS101] -- agreed\r\n", 1, "app.py"),
    ],
    ids=[
        "on the line", "above it", "above it and another comment", "the file", "by name", "several", "until its last day",
        "YAML", "Dockerfile", "shell", "supervisor", "ini", "Procfile", "TOML", "systemd", "BOM and CRLF",
    ],
)  # fmt: skip
def test_hidden(content: str, line: int, path: str) -> None:
    assert outcome(content, line, path) == ([], ["agreed"])


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        ("a = 1\nb = 2  # mls: ignore[MLS101] -- agreed\n", ["MLS101", "MLS901"]),
        ("a = 1  # mls: ignore[MLS201] -- agreed\n", ["MLS101", "MLS901"]),
        ("a = 1  # mls: ignore[MLS101] until 2026-05-31 -- agreed\n", ["MLS101", "MLS901"]),
        ("a = 1  # mls: ignore -- agreed\n", ["MLS101", "MLS902"]),
        ("a = '# mls: ignore[MLS101] -- agreed'\n", ["MLS101"]),
        ("a = 1  # mls: ignore[MLS205] -- agreed\n", ["MLS101"]),
        ("a = 1\n", ["MLS101"]),
    ],
    ids=["elsewhere", "another rule", "over", "no rule", "a text", "a rule that did not run", "nothing"],
)
def test_not_hidden(content: str, codes: list[str]) -> None:
    assert outcome(content, 1) == (codes, [])


def test_without_a_reason_it_hides_and_is_reported() -> None:
    assert outcome("a = 1  # mls: ignore[MLS101]\n", 1) == (["MLS902"], [""])


def test_a_last_day_that_is_no_date_is_reported() -> None:
    assert outcome("a = 1  # mls: ignore[MLS101] until tomorrow -- agreed\n", 1) == (["MLS902"], ["agreed"])


@pytest.mark.parametrize("content", [b"\xff\xfe mls: ignore", b'"""\n# mls: ignore[MLS101] -- x', b"# mls: ignore[" * 999])
def test_broken_files_end_nothing(content: bytes) -> None:
    suppressions("app.py", content)
    suppressions("app.yaml", content)
