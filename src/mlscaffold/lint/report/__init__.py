"""Reports: functions of a `Report`, one file per format, imported when asked for."""

from __future__ import annotations

from importlib import import_module

from mlscaffold.errors import ConfigInvalid
from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.config import near

if TYPE_CHECKING:
    from mlscaffold.lint.finding import Report

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "mermaid", "html")


def render(report: Report, name: str, *, colour: bool = False) -> str:
    """The report in one format, with a newline at its end. `colour` matters to formats for a terminal only.

    Raises:
        ConfigInvalid: there is no such format.
    """
    if name not in FORMATS:
        raise ConfigInvalid(f"--format {name!r}{near(name, FORMATS)}")
    from mlscaffold.lint.report.wording import readable

    module = import_module(f"mlscaffold.lint.report.{name}")
    text: str = module.render(report if name == "json" else readable(report), colour=colour)
    return text
