"""The four sentences of the architecture, as far as import-linter cannot hold them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("copier", "onnxruntime", "onnx", "jinja2", "libcst", "fastapi", "numpy")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["lint", "src"], ["lint", "--help"], ["rules"]], ids=" ".join)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import os, sys, atexit, runpy\n"
        "os._exit = sys.exit\n"  # so that what is registered below is called
        f"atexit.register(lambda: print('HEAVY', sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr))\n"
        f"sys.argv = ['mlscaffold', *{arguments!r}]\n"
        "runpy.run_module('mlscaffold', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode in (0, 1), done.stderr
    assert "HEAVY []" in done.stderr


def test_only_the_command_line_prints_or_exits() -> None:
    offenders = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        if path.parent.name == "cli" or path.name == "onnxprobe.py":  # onnxprobe is a program of its own: it answers on stdout
            continue
        offenders += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.exit", "exit", "quit", "os._exit")
        ]
    assert offenders == []


def test_nothing_in_the_repository_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    words = ("files.pythonhosted" + ".org", "registry.npmjs" + ".org", "pypi" + ".org", str(ROOT) + "/")
    found = []
    for name in filter(None, listed.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        found += [f"{name}: {word}" for word in words if word.encode() in content]
    assert found == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", ["patterns", "rules --help", "--version", "lint src/mlscaffold/cli", "lint --show-settings"])
def test_output_that_cannot_be_written_is_one_clear_error(words: str) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "mlscaffold", *words.split()]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.decode() == "error: standard output cannot be written: No space left on device\n"
