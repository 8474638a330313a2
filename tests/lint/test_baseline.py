"""The baseline: counted, never by line, only ever shrinking."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mlscaffold.errors import ConfigInvalid
from mlscaffold.light import replace
from mlscaffold.lint import baseline
from mlscaffold.lint.fingerprint import fingerprint
from tests.lint.reports import FOUND, UNSTAMPED

MOVED = replace(FOUND, locations=tuple(replace(at, line=at.line + 40) for at in FOUND.locations))


def written(tmp_path: Path, *findings: object, known: Counter[str] | None = None) -> Counter[str]:
    path = tmp_path / "baseline.json"
    path.write_text(baseline.content(findings, known))  # type: ignore[arg-type]
    return baseline.read(path)


def test_what_is_known_stays_known_when_it_moves(tmp_path: Path) -> None:
    known = written(tmp_path, FOUND)
    assert baseline.split([MOVED, UNSTAMPED], known) == baseline.Split(fresh=(UNSTAMPED,), known=(MOVED,))


def test_one_more_of_the_same_is_new(tmp_path: Path) -> None:
    known = written(tmp_path, FOUND)
    assert baseline.split([FOUND, MOVED], known) == baseline.Split(fresh=(MOVED,), known=(FOUND,))


def test_it_only_shrinks(tmp_path: Path) -> None:
    known = written(tmp_path, FOUND, FOUND)
    again = written(tmp_path, FOUND, UNSTAMPED, known=known)
    assert again == Counter({fingerprint(FOUND): 1})


def test_it_holds_no_lines_and_is_sorted(tmp_path: Path) -> None:
    text = baseline.content([UNSTAMPED, FOUND], None)
    assert text == baseline.content([FOUND, UNSTAMPED], None)
    assert "line" not in json.dumps(json.loads(text)["findings"][0])


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"schema": "other"}', b"\xff", b'{"schema": "mlscaffold-baseline/1"}'])
def test_a_file_that_is_no_baseline_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.json").write_bytes(content)
    with pytest.raises(ConfigInvalid, match="is no baseline"):
        baseline.read(tmp_path / "b.json")
