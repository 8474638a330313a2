"""Modules that a text names: `import_module(f"app.adapters.{name}")` may mean each of them, `include("shop.urls")` one."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.syntax import Attribute, Call, Collection, Constant, Expr, Join, Name

PLUGINS = "*"  # each module of the package at hand
_OWN = ("__package__", "__name__")  # the package of the file at hand


def patterns(module: Module) -> Iterator[tuple[int, str]]:
    """The functions of a module that import by such a text, each with the text: `*` is what nobody knows, a dot in front the
    package of the file."""
    if not any("import_module" in (known.name, known.alias) or known.module == "importlib" for known in module.facts.imports):
        return
    lists = any(last_name(call.function) == "iter_modules" for _, _, call in module.calls())
    for index, _, call in module.calls():
        if last_name(call.function) == "import_module" and call.arguments:
            pattern = "".join(_words(call.arguments[0]))
            if pattern.startswith("*") and lists:
                yield index, PLUGINS
            elif "*" in pattern and not pattern.startswith("*"):
                yield index, pattern


def included(module: Module) -> Iterator[str]:
    """The modules whose routes a Django project includes by their names: `include("shop.urls")`."""
    if not any(known.name == "include" and known.module.startswith("django.") for known in module.facts.imports):
        return
    for _, _, call in module.calls():
        given = call.arguments[0] if last_name(call.function) == "include" and call.arguments else None
        first = given.items[0] if isinstance(given, Collection) and given.items else given  # `include(("shop.urls", "shop"))`
        if isinstance(first, Constant) and isinstance(first.value, str):
            yield first.value


def _words(expr: Expr) -> Iterator[str]:
    if isinstance(expr, Join):
        for part in expr.parts:
            yield from _words(part)
    elif isinstance(expr, Constant):
        yield str(expr.value)
    elif isinstance(expr, Call) and isinstance(expr.function, Attribute) and expr.function.name == "format":
        yield from (word.replace("{}", "*").replace("{0}", "*") for word in _words(expr.function.base))
    elif not isinstance(expr, Name) or expr.id not in _OWN:
        yield "*"
