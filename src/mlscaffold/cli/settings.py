"""`mlscaffold lint --show-settings`: what a run here would go by, and where it is said."""

from pathlib import Path

from mlscaffold.light import as_dict
from mlscaffold.lint.config import Options


def shown(root: Path, options: Options) -> str:
    """One setting a line, in the words of the configuration file."""
    source = str(options.source) if options.source else "defaults (no mlscaffold.toml, no [tool.mlscaffold.lint])"
    lines = [f"# root: {root}", f"# settings: {source}"]
    for key, value in as_dict(options).items():
        if key in ("source", "files"):
            continue
        lines.append(f"{key.replace('_', '-')} = {_text(value)}")
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_text(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_text(one)}" for key, one in value.items() if one not in (None, "")) + "}"
    return "none" if value is None else f'"{value}"' if isinstance(value, str | Path) else str(value)
