"""The flags of `mlscaffold lint`, read without Typer where they are plain.

Whatever is not plain (a flag that is unknown or wrong, --help, a missing value) is left to Typer, which has the good messages.
A test holds that both know the same flags.
"""

from mlscaffold.light import dataclass, replace


@dataclass(frozen=True, slots=True)
class LintArguments:
    """What was said on the command line; empty values mean: not said."""

    paths: tuple[str, ...] = ()
    format: str = ""
    output: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: str = ""
    preview: bool = False
    rules: tuple[str, ...] = ()
    catalog: tuple[str, ...] = ()
    config: str = ""
    baseline: str = ""
    write_baseline: bool = False
    changed_since: str = ""
    explain_path: str = ""
    show_settings: bool = False
    measure: bool = False
    jobs: str = ""
    no_cache: bool = False
    color: str = ""


# flag -> (field, what follows: a value, a value that adds to a list, nothing)
FLAGS = {
    "--format": ("format", "value"),
    "--output": ("output", "list"),
    "-o": ("output", "list"),
    "--select": ("select", "list"),
    "--ignore": ("ignore", "list"),
    "--exclude": ("exclude", "list"),
    "--fail-on": ("fail_on", "value"),
    "--preview": ("preview", "nothing"),
    "--rules": ("rules", "list"),
    "--catalog": ("catalog", "list"),
    "--config": ("config", "value"),
    "--baseline": ("baseline", "value"),
    "--write-baseline": ("write_baseline", "nothing"),
    "--changed-since": ("changed_since", "value"),
    "--explain-path": ("explain_path", "value"),
    "--show-settings": ("show_settings", "nothing"),
    "--measure": ("measure", "nothing"),
    "--jobs": ("jobs", "value"),
    "--no-cache": ("no_cache", "nothing"),
    "--color": ("color", "value"),
}


def read(arguments: list[str]) -> LintArguments | None:
    """The arguments, or None where Typer has to look at them."""
    found: dict[str, object] = {}
    paths: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            paths += words
            break
        if not word.startswith("-") or word == "-":
            paths.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag not in FLAGS or (equals and FLAGS[flag][1] == "nothing"):
            return None
        field, kind = FLAGS[flag]
        if kind == "nothing":
            found[field] = True
            continue
        text = value if equals else next(words, "")
        if not text or (not equals and text.startswith("-")):
            return None
        found[field] = (*found.get(field, ()), text) if kind == "list" else text  # type: ignore[misc]
    return replace(LintArguments(paths=tuple(paths)), **found)  # type: ignore[arg-type]
