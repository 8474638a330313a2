"""Reports: functions of a `Report`, one file per format, imported when asked for."""

from importlib import import_module

from mlscaffold.errors import ConfigInvalid
from mlscaffold.lint.config import near
from mlscaffold.lint.finding import Report
from mlscaffold.lint.report.wording import readable

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "mermaid", "html")


def render(report: Report, name: str, *, colour: bool = False) -> str:
    """The report in one format, with a newline at its end. `colour` matters to formats for a terminal only.

    Raises:
        ConfigInvalid: there is no such format.
    """
    if name not in FORMATS:
        raise ConfigInvalid(f"--format {name!r}{near(name, FORMATS)}")
    module = import_module(f"mlscaffold.lint.report.{name}")
    text: str = module.render(report if name == "json" else readable(report), colour=colour)
    return text
