"""Notebooks: code cells with their places in the file; a notebook serves only where it starts what it makes."""

import json
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from mlscaffold.lint.finding import Report
from mlscaffold.lint.notebook import NoNotebook, read

SERVER = [
    "import joblib\n",
    "import uvicorn\n",
    "from fastapi import FastAPI\n",
    "\n",
    "app = FastAPI()\n",
    'first = joblib.load("first_model.joblib")\n',
    'second = joblib.load("second_model.joblib")\n',
    "\n",
    '@app.post("/predict")\n',
    "def predict(row: list[float]):\n",
    "    return [first.predict([row]), second.predict([row])]",
]
START = ["uvicorn.run(app)"]


def notebook(*cells: list[str], kinds: str = "", indent: int | None = 1, outputs: list[object] | None = None) -> str:
    """A notebook as Jupyter writes it; `kinds` has an m for each Markdown cell."""
    made = []
    for place, source in enumerate(cells):
        kind = "markdown" if kinds[place : place + 1] == "m" else "code"
        extra = {"execution_count": 1, "outputs": outputs or []} if kind == "code" else {}
        made.append({"cell_type": kind, "metadata": {}, **extra, "source": source})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=indent, ensure_ascii=False)


def linted(folder: Path, text: str) -> Report:
    (folder / "serve.ipynb").write_text(text)
    return lint(folder, Options(cache=False))


def test_lines_are_those_of_the_file() -> None:
    text = notebook(["# Title\n", "import os"], ["import os\n", "\n", "x = 'ä'"], [], ["y = 2\n"], kinds="m")
    found = read(text.encode())
    lines = text.split("\n")
    code = found.code.decode().split("\n")
    assert {number: line for number, line in enumerate(code, 1) if line} == {
        lines.index("    \"x = 'ä'\"") + 1: "x = 'ä'",
        lines.index('    "y = 2\\n"') + 1: "y = 2",
        next(number for number, line in enumerate(lines) if '"import os\\n"' in line) + 1: "import os",
    }
    assert found.places[lines.index("    \"x = 'ä'\"") + 1] == (2, 3)


def test_what_outputs_say_is_no_code() -> None:
    lying = [{"output_type": "stream", "text": ["import os\n", '"source": [\n', "x = 1"]}]
    text = notebook(["x = 1"], outputs=lying)
    found = read(text.encode())
    assert found.code.split() == [b"x", b"=", b"1"]
    assert found.places == {text.split("\n").index('   "source": [') + 2: (1, 1)}


def test_one_long_line_is_counted_by_the_lines_of_code() -> None:
    text = notebook(["a = 1\n", "b = 2"], ["c = 3"], indent=None)
    found = read(text.encode())
    assert (found.code, found.places) == (b"a = 1\nb = 2\nc = 3\n", {1: (1, 1), 2: (1, 2), 3: (2, 1)})


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (["%matplotlib inline\n", "x = 1"], b"pass\nx = 1\n"),
        (["!pip install torch\n", "x = 1"], b"pass\nx = 1\n"),
        (["files = !ls\n", "x = 1"], b"files = None\nx = 1\n"),
        (["if x:\n", "    !ls\n", "x = 1"], b"if x:\n    pass\nx = 1\n"),
        (["%%time\n", "x = 1"], b"pass\nx = 1\n"),
        (["%%bash\n", "x = 1"], b"\n\n"),
        (["x = = 1\n"], b"\n\n"),
        (["await run()"], b"await run()\n"),
    ],
    ids=["magic", "shell", "captured", "in a block", "timed", "another language", "no Python", "await"],
)
def test_what_is_no_python_is_left_out(source: list[str], code: bytes) -> None:
    assert read(notebook(source, indent=None).encode()).code.rstrip() == code.rstrip()


def test_a_cell_that_is_no_python_does_not_hide_the_others() -> None:
    assert b"y = 2" in read(notebook(["x = = 1"], ["y = 2"]).encode()).code


BROKEN = [b"", b"{", b"[]", b'{"cells": 1}', b'{"cells": [1]}', b"\xff\xfe", b'{"cells": [{}]}', b"[" * 99_999]


@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_notebook_is_said(content: bytes) -> None:
    with pytest.raises(NoNotebook, match="no notebook"):
        read(content)


def test_a_notebook_that_starts_its_server_is_a_service(tmp_path: Path) -> None:
    text = notebook(["# Serve\n"], SERVER, START, kinds="m")
    report = linted(tmp_path, text)
    (service,) = report.services
    assert [model.name for model in service.models] == ["first_model.joblib", "second_model.joblib"]
    (finding,) = [found for found in report.findings if found.code == "MLS101"]
    assert (finding.primary.path, text.split("\n")[finding.primary.line - 1].strip()) == (
        "serve.ipynb",
        json.dumps(SERVER[5]) + ",",
    )
    assert finding.primary.note.endswith("(cell 2, line 6)")


def test_a_notebook_that_starts_nothing_is_a_sketch(tmp_path: Path) -> None:
    assert linted(tmp_path, notebook(SERVER)).services == ()


def test_a_comment_in_a_cell_hides(tmp_path: Path) -> None:
    quiet = [*SERVER[:5], "# mls: ignore[MLS101] -- a demonstration\n", *SERVER[5:]]
    report = linted(tmp_path, notebook(quiet, START))
    assert "MLS101" not in {found.code for found in report.findings}
    assert [(hidden.path, hidden.reason) for hidden in report.suppressed] == [("serve.ipynb", "a demonstration")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("uvicorn.run(app) {", "no notebook"), (" " * 10_000_001, "larger than 10 MB")],
    ids=["broken", "huge"],
)
def test_what_cannot_be_read_is_skipped_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    assert [(file.path, reason in file.reason) for file in linted(tmp_path, text).skipped] == [("serve.ipynb", True)]
