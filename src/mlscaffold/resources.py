"""Where `rules/` and `templates/` lie: inside an installed package, or beside `src/` in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parents[1]


def _folder(name: str) -> Path:
    # An editable install holds no data inside the package: the checkout does.
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _CHECKOUT / name


def rules_folder() -> Path:
    """The folder of the shipped rules and of `catalog/`."""
    return _folder("rules")


def templates_folder() -> Path:
    """The folder of the shipped patterns, of `base/` and of `_parts/`."""
    return _folder("templates")
