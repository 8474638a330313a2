"""Folders and files whose names would break a format: every format stays what its readers expect, and leads to the file."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from markdown_it import MarkdownIt

from mlscaffold.lint.report import FORMATS
from tests.lint.test_robustness import SERVER

NAMES = {
    "a newline": "new\nline",
    "quotes": "quote\"s'",
    "markup": "<b>&amp;]]>",
    "backticks": "tick`two``three",
    "a flag": "--output=x",
    "an escape sequence": "\x1b[31mred",
    "no UTF-8": os.fsdecode(b"caf\xe9"),
    "right to left": "\u202eyp",
    "a workflow command": "a::error::b",
    "an escaped newline": "50%0A::error::",
    "a shell's words": "$(touch ran) && x;",
    "a link": "[x](y) | *z*",
    "blanks": " two  blanks ",
}
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Every format's text about one repository with all the names, in each of which a server stands."""
    folder = tmp_path_factory.mktemp("odd")
    for name in NAMES.values():
        (folder / "repository" / name).mkdir(parents=True)
        (folder / "repository" / name / "app.py").write_text(SERVER)
        (folder / "repository" / name / "broken.py").write_bytes(b"import torch, flask\ndef f(:\n")
    outputs = [word for name in FORMATS for word in ("--output", f"{name}={folder / name}")]
    command = [sys.executable, "-m", "mlscaffold", "lint", "repository", *outputs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert not (folder / "ran").exists()
    return {name: (folder / name).read_bytes().decode() for name in FORMATS}


@pytest.fixture(scope="module")
def findings(reports: Mapping[str, str]) -> list[dict[str, object]]:
    said: list[dict[str, object]] = json.loads(reports["json"])["findings"]
    return said


def path_of(finding: Mapping[str, object]) -> str:
    return str(finding["locations"][0]["path"])  # type: ignore[index]


def test_every_server_is_judged_and_every_broken_file_told(reports: Mapping[str, str], findings: list[dict[str, object]]) -> None:
    servers = {f"{name}/app.py" for name in NAMES.values()}
    assert {path_of(one) for one in findings if one["code"] == "MLS101"} == servers
    assert {file["path"] for file in json.loads(reports["json"])["skipped"]} == {f"{name}/broken.py" for name in NAMES.values()}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_that_moves_a_cursor_gets_through(reports: Mapping[str, str], name: str) -> None:
    assert not UNSAFE.search(reports[name])


def test_suggested_commands_are_one_command_each(findings: list[dict[str, object]]) -> None:
    commands = [str(one["suggestion"]["command"]) for one in findings if one["suggestion"]]  # type: ignore[index]
    assert len(commands) >= 2 * len(NAMES)
    for joined in commands:
        for command in joined.split(" && mlscaffold "):
            words = shlex.split(command.removeprefix("mlscaffold "))
            assert words[0] == "new"
            assert not {"&&", ";", "touch", "x;"} & set(words)


def test_concise_and_text_keep_a_finding_s_place_on_one_line(
    reports: Mapping[str, str], findings: list[dict[str, object]]
) -> None:
    lines = reports["concise"].splitlines()
    assert len(lines) == len(findings) + 1
    assert all(re.search(r":\d+:\d+: MLS\d{3} ", line) for line in lines[:-1])
    assert len(re.findall(r"^ *--> .+:\d+:\d+$", reports["text"], re.MULTILINE)) == len(findings)


def test_github_says_one_command_a_finding_and_no_other(reports: Mapping[str, str], findings: list[dict[str, object]]) -> None:
    lines = reports["github"].splitlines()
    assert len(lines) == len(findings) + 1
    for line, finding in zip(lines, findings, strict=False):
        told = re.fullmatch(r"::(?:error|warning|notice) file=([^,]*),line=\d+,col=\d+,title=[^:]*::.*", line)
        assert told, line
        if not UNSAFE.search(path_of(finding).replace("\n", "")):
            assert unquote(told[1]) == path_of(finding)


def test_gitlab_junit_and_sarif_name_every_file(reports: Mapping[str, str], findings: list[dict[str, object]]) -> None:
    paths = [path_of(one) for one in findings]
    assert [issue["location"]["path"] for issue in json.loads(reports["gitlab"])] == paths
    suites = ET.fromstring(reports["junit"])
    assert sum(int(suite.get("failures", "0")) for suite in suites) == len(findings)
    results = json.loads(reports["sarif"])["runs"][0]["results"]
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results]
    assert [os.fsdecode(unquote_to_bytes(uri)) for uri in uris] == paths


@pytest.mark.skipif("SARIF_SCHEMA" not in os.environ, reason="SARIF_SCHEMA names no copy of the OASIS schema")
def test_sarif_is_valid(reports: Mapping[str, str]) -> None:
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text())
    jsonschema.validate(json.loads(reports["sarif"]), schema, format_checker=jsonschema.FormatChecker())


def test_markdown_shows_names_as_code_and_nothing_else(reports: Mapping[str, str]) -> None:
    tokens = MarkdownIt("commonmark").parse(reports["markdown"])
    inline = [child for token in tokens for child in token.children or ()]
    assert not {"html_block"} & {token.type for token in tokens}
    assert not {"html_inline", "link_open", "image"} & {child.type for child in inline}
    shown = {child.content for child in inline if child.type == "code_inline"}
    for kind in ("quotes", "markup", "backticks", "a workflow command", "a link"):
        assert any(code.startswith(f"{NAMES[kind]}/app.py:") for code in shown), kind


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_shows_names_as_text(reports: Mapping[str, str]) -> None:
    page = _Page()
    page.feed(reports["html"])
    assert "script" not in page.tags
    for kind in ("quotes", "markup", "backticks", "a workflow command", "a link"):
        assert any(text.startswith(f"{NAMES[kind]}/app.py:") for text in page.texts), kind


def test_mermaid_labels_end_where_they_should(reports: Mapping[str, str]) -> None:
    for line in reports["mermaid"].splitlines():
        assert line.count('"') in (0, 2), line
