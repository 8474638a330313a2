"""Configuration: where it is found, what it means, and what is said of mistakes."""

from pathlib import Path

import pytest

from mlscaffold.errors import ConfigInvalid
from mlscaffold.lint.config import Options, ServiceOptions, load

WHOLE = """
select = ["MLS1"]
ignore = ["MLS106"]
exclude = ["vendor/**"]
fail-on = "error"
rules = ["our-rules"]
catalog = ["ours.yaml"]
baseline = "known.json"
preview = true
[per-file-ignores]
"scripts/**" = ["MLS101"]
[services.api]
entry = "app.py"
mode = "online"
workers = 4
latency-budget-ms = 100
memory-limit-mb = 8000
"""


def test_every_setting(tmp_path: Path) -> None:
    (tmp_path / "mlscaffold.toml").write_text(WHOLE)
    assert load(tmp_path) == Options(
        select=("MLS1",),
        ignore=("MLS106",),
        exclude=("vendor/**",),
        per_file_ignores={"scripts/**": ("MLS101",)},
        fail_on="error",
        rules=(tmp_path / "our-rules",),
        catalog=(tmp_path / "ours.yaml",),
        baseline=tmp_path / "known.json",
        preview=True,
        services={"api": ServiceOptions("app.py", "online", 4, 100, 8000)},
        source=tmp_path / "mlscaffold.toml",
    )


def test_the_nearest_file_counts_up_to_the_repository(tmp_path: Path) -> None:
    (tmp_path / "mlscaffold.toml").write_text('fail-on = "never"')
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/deep/er").mkdir(parents=True)
    assert load(tmp_path / "repo/deep/er").source is None
    (tmp_path / "repo/pyproject.toml").write_text('[tool.mlscaffold.lint]\nfail-on = "error"')
    assert load(tmp_path / "repo/deep/er").fail_on == "error"
    (tmp_path / "repo/deep/pyproject.toml").write_text('[project]\nname = "not-ours"')
    assert load(tmp_path / "repo/deep/er").fail_on == "error"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('selct = ["MLS1"]', "did you mean 'select'"),
        ("select = 1", "expected a list of texts"),
        ('fail-on = "loud"', "expected one of error, warning, info, never"),
        ("preview = 1", "expected true or false"),
        ("baseline = 1", "expected a text"),
        ("services = 1", "expected a table"),
        ("[services.api]\nworker = 4", "did you mean 'workers'"),
        ('[services.api]\nworkers = "4"', "whole number above 0"),
        ('[services.api]\nmode = "fast"', "'online' or 'batch'"),
        ("select = [", "is not TOML"),
    ],
)
def test_mistakes_are_said_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mlscaffold.toml").write_text(text)
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert said in str(caught.value)
    assert str(tmp_path / "mlscaffold.toml") in str(caught.value)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load(tmp_path, tmp_path / "nowhere.toml")
