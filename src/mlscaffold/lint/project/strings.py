"""What texts stand for: parts of a list in one text, objects by their dotted name, sections of an INI file."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import External, Items, Known, ModuleValue, Value, Values, items, joined, texts
from mlscaffold.lint.syntax import Call

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator
    from mlscaffold.lint.project.values import Frame

MOST_PARTS = 40
BY_NAME = (
    "importlib.import_module", "pydoc.locate", "django.utils.module_loading.import_string", "werkzeug.utils.import_string",
    "hydra.utils.get_class", "hydra.utils.get_object", "hydra.utils.get_method", "pkgutil.resolve_name",
    "celery.utils.imports.symbol_by_name", "importlib.util.find_spec",
)  # fmt: skip
INI = ("configparser.ConfigParser", "configparser.RawConfigParser", "configparser.SafeConfigParser")
OF_A_SECTION = ("get", "getint", "getfloat", "getboolean", "items")


def said_by(value: Value, method: str, call: Call, frame: Frame, evaluator: Evaluator) -> Values | None:
    """What a method of a text, or of the sections of an INI file, gives; None for any other."""
    if isinstance(value, Known) and method in ("split", "rsplit"):
        return split(value, call, frame, evaluator)
    if isinstance(value, Known) and method in ("startswith", "endswith"):
        return begins_or_ends(value, method, call, frame, evaluator)
    if isinstance(value, Items) and method in OF_A_SECTION and call.arguments:
        return of_section(value, call, frame, evaluator)
    return None


def split(text: Known, call: Call, frame: Frame, evaluator: Evaluator) -> Values:
    """`text.split(",")`, `text.rsplit(".", 1)`: the parts, as many as there are."""
    given = [evaluator.evaluate(part, frame) for part in call.arguments]
    sign = next(iter(texts(given[0])), "") if given else None
    most = next((value.value for value in given[1] if isinstance(value, Known)), -1) if len(given) > 1 else -1
    if sign == "" or not isinstance(most, int) or not isinstance(text.value, str):
        return ()
    parts = text.value.rsplit(sign, most) if last_name(call.function) == "rsplit" else text.value.split(sign, most)
    return items((place, (Known(part, soft=text.soft),)) for place, part in enumerate(parts[:MOST_PARTS]))


def begins_or_ends(text: Known, method: str, call: Call, frame: Frame, evaluator: Evaluator) -> Values:
    """`path.endswith(".onnx")`: whether it does, where all of the text is known."""
    signs = texts(evaluator.evaluate(call.arguments[0], frame)) if call.arguments else ()
    if len(signs) != 1 or not isinstance(text.value, str) or "*" in text.value:
        return ()
    held = text.value.startswith(signs[0]) if method == "startswith" else text.value.endswith(signs[0])
    return (Known(held, soft=text.soft),)


def object_named(name: str, importer: str, evaluator: Evaluator) -> Values:
    """The class, function or module of a dotted name: `package.module.Class`, `package.module:Class`, or `.module` beside the
    importer (`f"{__package__}.module"` is the same: what nobody knows of a text is a star)."""
    if meant := evaluator.imports.matching(importer, name):
        return tuple(map(ModuleValue, meant))
    if name.startswith((".", "*.")):
        path = evaluator.imports.resolve(importer, name.lstrip("*").lstrip("."), 1)
        return (ModuleValue(path),) if path else ()
    parts = name.strip().replace(":", ".").split(".")
    if not all(part.isidentifier() for part in parts):
        return ()
    for cut in range(len(parts), 0, -1):
        path = evaluator.imports.resolve(importer, ".".join(parts[:cut]))
        if path is None:
            continue
        values: Values = (ModuleValue(path),)
        for part in parts[cut:]:
            values = joined(*(evaluator.attribute(value, part) for value in values))
        return values
    return (External(".".join(parts)),)


def read(function: str, path: str, evaluator: Evaluator) -> Values:
    """What a call that reads settings gives, besides those that name their file."""
    if function == "dotenv.dotenv_values":
        return (External("os.environ"),)
    return ini(path, evaluator) if function in INI else ()


def ini(path: str, evaluator: Evaluator) -> Values:
    """What the parsers that a module makes read, where the file (or an example of it) is in the repository."""
    module = evaluator.source.module(path)
    for index, _, call in module.calls() if module else ():
        if last_name(call.function) in ("read", "read_file") and call.arguments:
            for name in texts(evaluator.evaluate(call.arguments[0], evaluator.free_frame(path, index))):
                found = evaluator.settings.ini(name, path)
                if found:
                    return found
    return ()


def of_section(value: Items, call: Call, frame: Frame, evaluator: Evaluator) -> Values | None:
    """`config.get("section", "key")` and `config.items("section")`; None where that is not meant."""
    names = texts(joined(*(evaluator.evaluate(part, frame) for part in call.arguments[:1])))
    sections = [held for known, values in value.pairs if known in names for held in values if isinstance(held, Items)]
    if not sections:
        return None
    if last_name(call.function) == "items":
        pairs = [items(((0, (Known(key),)), (1, values))) for held in sections for key, values in held.pairs]
        # whoever goes through a section can do with more entries than the file has here
        return items([*((place, pair) for place, pair in enumerate(pairs)), (None, ())])
    keys = texts(joined(*(evaluator.evaluate(part, frame) for part in call.arguments[1:2])))
    wanted = {key.lower() for key in keys}
    found = [values for held in sections for key, values in held.pairs if str(key).lower() in wanted]
    return joined(*found) if found else None
