"""A way out fits the situation, and runs as printed."""

from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from tests.rules.test_suggestions import run_as_printed

HEAD = """from fastapi import FastAPI
from sentence_transformers import SentenceTransformer
from transformers import pipeline

app = FastAPI()
large = pipeline("text-classification", model="FacebookAI/roberta-large")
small = pipeline("text-classification", model="prajjwal1/bert-tiny")
vectors = SentenceTransformer("BAAI/bge-large-en-v1.5")


"""
HANDLERS = {
    "async": """@app.post("/")
def answer(text: str):
    return large(text)
""",
    "time-lag": """@app.post("/")
def answer(text: str):
    quick = small(text)
    return quick if quick[0]["score"] > 0.9 else large(text)
""",
    "batch": """@app.get("/today")
def today():
    return large(open("headlines.txt").read())
""",
    "prediction-cache": """@app.post("/")
def embed(text: str):
    return vectors.encode(text)
""",
}


@pytest.mark.parametrize("pattern", HANDLERS)
def test_the_way_out_of_a_large_model(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HEAD + HANDLERS[pattern])
    (finding,) = lint(tmp_path, Options(select=("MLS201",), cache=False)).findings
    assert finding.suggestion
    assert finding.suggestion.pattern == pattern
    done = run_as_printed(finding.suggestion.command, tmp_path)
    assert done.returncode == (0 if finding.suggestion.stamped else 2), done.stderr
