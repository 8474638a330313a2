"""The guard: all of a rendering is written, or nothing."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlscaffold.errors import DestinationNotEmpty, DestinationUnwritable, TemplateInvalid
from mlscaffold.new import merge


@pytest.fixture
def rendering(tmp_path: Path) -> Path:
    folder = tmp_path / "rendering"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "README.md").write_text("hello\n")
    (folder / "deep/er/run.sh").write_text("#!/bin/sh\n")
    (folder / "deep/er/run.sh").chmod(0o755)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["new", "new/below/that", "empty"])
def test_an_empty_destination_is_filled(tmp_path: Path, rendering: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    merge.fill(rendering, tmp_path / place)
    assert contents(tmp_path / place) == contents(rendering)
    assert os.access(tmp_path / place / "deep/er/run.sh", os.X_OK)
    assert not os.access(tmp_path / place / "README.md", os.X_OK)


def test_a_fresh_repository_is_an_empty_destination(tmp_path: Path, rendering: Path) -> None:
    (tmp_path / "repo/.git").mkdir(parents=True)
    merge.fill(rendering, tmp_path / "repo")
    assert (tmp_path / "repo/README.md").exists()


def test_a_destination_that_holds_files_is_refused(tmp_path: Path, rendering: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    with pytest.raises(DestinationNotEmpty, match=r"holds thesis\.txt"):
        merge.fill(rendering, tmp_path / "mine")
    assert contents(tmp_path / "mine") == {"thesis.txt": "precious"}


def test_a_file_in_the_way_is_refused(tmp_path: Path, rendering: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DestinationUnwritable, match="is a file"):
        merge.fill(rendering, tmp_path / "file/project")


def test_links_are_refused(tmp_path: Path, rendering: Path) -> None:
    (rendering / "evil").symlink_to("/etc/passwd")
    with pytest.raises(TemplateInvalid, match="no plain file"):
        merge.fill(rendering, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("inner", [".git/hooks/pre-commit", "sub/.GIT/config", ".git./x"])
def test_nothing_goes_under_git(tmp_path: Path, rendering: Path, inner: str) -> None:
    (rendering / inner).parent.mkdir(parents=True)
    (rendering / inner).write_text("#!/bin/sh\n")
    with pytest.raises(TemplateInvalid, match=r"under \.git"):
        merge.fill(rendering, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_nothing(tmp_path: Path, rendering: Path) -> None:
    # a limit on the size of files fails the write in the middle, as a full disk does
    (rendering / "weights.bin").write_bytes(bytes(2_000_000))
    code = (
        "import resource, signal; from pathlib import Path; from mlscaffold.new import merge\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, {resource.RLIM_INFINITY}))\n"
        f"merge.fill(Path({str(rendering)!r}), Path({str(tmp_path / 'new/project')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DestinationUnwritable" in done.stderr
    assert "nothing was left there" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_place_where_nobody_may_write_is_said(rendering: Path) -> None:
    with pytest.raises(DestinationUnwritable, match="cannot be written"):  # not even root makes folders in /proc
        merge.fill(rendering, Path("/proc/mlscaffold/new"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(tmp_path: Path, rendering: Path, number: signal.Signals) -> None:
    for place in range(8_000):  # more than is copied while this process waits for a core
        (rendering / f"file{place}").write_text("x")
    destination = tmp_path / "new"
    code = (
        "import signal, sys; from pathlib import Path; from mlscaffold.new import merge\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job is born without it
        f"merge.fill(Path({str(rendering)!r}), Path({str(destination)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(f"new/{merge.STAGING_PREFIX}*/file2")):
        assert process.poll() is None, "it ended before it could be interrupted"
    process.send_signal(number)
    assert process.wait() != 0
    assert not destination.exists()
