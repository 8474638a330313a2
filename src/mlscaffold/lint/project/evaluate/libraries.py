"""What calls of libraries give: paths, settings, wrappers, containers of dependencies, and models."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE
from mlscaffold.lint.project import strings
from mlscaffold.lint.project.evaluate.containers import elements, in_pairs, picked, together
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import (
    NOWHERE,
    REQUEST,
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Items,
    Known,
    ModelValue,
    Object,
    Request,
    Site,
    Value,
    Values,
    items,
    joined,
    origins,
    softened,
    texts,
)
from mlscaffold.lint.syntax import ANY, Attribute, Call, Constant, Expr, Join, Name, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator


_DEPENDS = ("fastapi.Depends", "fastapi.params.Depends", "fastapi.Security", "litestar.di.Provide")
_FILLED = tuple(f"fastapi.{name}" for name in ("Query", "Form", "Body", "Path", "Header", "Cookie", "File"))  # by a request
_FIELDS = ("pydantic.Field", "pydantic.fields.Field", "dataclasses.field", "attr.ib", "attrs.field")
_PATHS = (
    "os.path.join", "pathlib.Path", "str", "os.path.abspath", "pathlib.PurePath", "os.path.realpath", "os.fspath",
    "os.path.normpath", "pathlib.Path.joinpath", "pathlib.Path.resolve", "pathlib.Path.as_posix", "pathlib.Path.absolute",
    "hydra.utils.to_absolute_path", "os.path.expanduser",
)  # fmt: skip
PROVIDERS = (
    "dependency_injector.providers.Singleton",
    "dependency_injector.providers.ThreadSafeSingleton",
    "dependency_injector.providers.Factory",
    "dependency_injector.providers.Resource",
)
_PARSES = (
    "json.loads", "json.load", "orjson.loads", "ujson.loads", "simplejson.loads", "ast.literal_eval", "base64.b64decode",
    "nltk.sent_tokenize", "nltk.tokenize.sent_tokenize", "html.unescape", "urllib.parse.unquote", "io.BytesIO", "io.StringIO",
)  # fmt: skip
_WRAPPING = ("torch.", "accelerate.", "deepspeed.", "intel_extension_for_pytorch.", "peft.", "tensorflow.function")
_RUN_AT = {
    "to_thread": 0,
    "run_sync": 0,
    "run_in_threadpool": 0,
    "run_in_executor": 1,
    "submit": 0,
}  # the place of the function that is run
PROVIDED = "<provided>"
BARE = Call(ANY, (), (), 0, 0, False)


def external(evaluator: Evaluator, name: str, expr: Call, frame: Frame) -> Values:
    """What a call of a library gives."""
    first = evaluator.evaluate(expr.arguments[0], frame) if expr.arguments else ()
    words = dict(expr.keywords)
    if name in _DEPENDS:
        return _depended(evaluator, expr, first, frame)
    if name in _FILLED:
        return (REQUEST,)
    if name in _FIELDS:
        given = words.get("default", words.get("default_factory"))
        made = evaluator.evaluate(given, frame) if given is not None else first
        return joined(
            *(
                evaluator.called(value, BARE, frame) if isinstance(value, FunctionValue | ClassValue) else (value,)
                for value in made
            )
        )
    if name.startswith(PROVIDERS):
        provided = Call(expr.function, expr.arguments[1:], expr.keywords, expr.line, expr.column, awaited=False)
        return items([(PROVIDED, joined(*(evaluator.called(value, provided, frame) for value in first)))])
    if name in (
        "open",
        "io.open",
        "codecs.open",
        "joblib.delayed",
        "functools.partial",
        "staticmethod",
        "classmethod",
        "functools.wraps",
        "importlib.util.module_from_spec",
        "asyncio.run",
        "asyncio.ensure_future",
        "asyncio.create_task",
        "asyncio.wait_for",
        "asyncio.shield",
        "asyncio.get_event_loop.run_until_complete",
        "asyncio.new_event_loop.run_until_complete",
        "asyncio.as_completed",
        "concurrent.futures.as_completed",
        "asyncio.get_event_loop.create_task",
        "iter",
        "next",
        "list",
        "tuple",
        "set",
        "sorted",
        "reversed",
        "tqdm.tqdm",
        "tqdm.auto.tqdm",
        "typing.cast",
    ):
        return joined(*(evaluator.evaluate(part, frame) for part in expr.arguments[1:2])) if name == "typing.cast" else first
    if name in ("os.getenv", "os.environ.get", "decouple.config", "starlette.config.Config", "environs.Env", "environ.get"):
        default = words.get("default", expr.arguments[1] if len(expr.arguments) > 1 else None)
        told = evaluator.evaluate(default, frame) if default is not None else (Known(None, soft=True, origin=NOWHERE),)
        return evaluator.environment(texts(first), told)
    if name in ("int", "float", "bool"):
        return tuple(Known(_as_number(value.value), soft=value.soft) for value in first if isinstance(value, Known))
    if name in _PATHS or name.endswith(".joinpath"):
        return of_join(evaluator, Join((Constant(""), *expr.arguments)), frame) if len(expr.arguments) > 1 else first
    if name == "getattr" and len(expr.arguments) >= 2:
        return _getattr(evaluator, expr, frame, first)
    if name in ("copy.copy", "copy.deepcopy"):
        return first
    if name in strings.BY_NAME:
        return joined(*(strings.object_named(text, frame.path, evaluator) for text in texts(first)))
    return _answered(evaluator, name, expr, frame) or _unfamiliar(evaluator, name, expr, frame)


def _depended(evaluator: Evaluator, expr: Call, first: Values, frame: Frame) -> Values:
    """`Depends(function)`: what it gives; `Depends(Provide[Container.model])`: what is provided."""
    if expr.arguments and isinstance(expr.arguments[0], Subscript):
        return first
    asked = (value for value in first if isinstance(value, FunctionValue | ClassValue | Object))
    return joined(*(evaluator.called(value, BARE, frame) for value in asked))


def _answered(evaluator: Evaluator, name: str, expr: Call, frame: Frame) -> Values:
    """`to_thread(load, path)`, `run_in_executor(None, load, path)`: what the function answers that is run elsewhere."""
    place = _RUN_AT.get(name.rpartition(".")[2], len(expr.arguments))
    if place >= len(expr.arguments):
        return ()
    run, given = expr.arguments[place], expr.arguments[place + 1 :]
    asked = Call(run, given, expr.keywords, expr.line, expr.column, awaited=False)
    known = (
        value
        for value in evaluator.evaluate(run, frame)
        if not isinstance(value, External) or evaluator.catalog.is_load(value.name)
    )
    return joined(*(evaluator.called(value, asked, frame) for value in known))


def _gathered(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    """`gather(one(), *others)`: the answers, in the order of what is asked."""
    held = [evaluator.evaluate(part, frame) for part in expr.arguments]
    spread = [value.pairs for values in held for value in values if isinstance(value, Items)]
    plain = [values for values in held if not any(isinstance(value, Items) for value in values)]
    return items(enumerate([*plain, *(inner for pairs in spread for _, inner in pairs)]))


def _enumerated(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    return in_pairs(evaluator.evaluate(expr.arguments[0], frame), 1) if expr.arguments else ()


def _zipped(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    return joined(*(in_pairs(evaluator.evaluate(part, frame), place) for place, part in enumerate(expr.arguments)))


def _mapped(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    """`map(load, paths)`: what the function answers for each."""
    if len(expr.arguments) < 2:
        return ()
    run, over = expr.arguments[:2]
    held = [key for value in evaluator.evaluate(over, frame) if isinstance(value, Items) for key, _ in value.pairs]
    places = held if held and None not in held else [None]

    def answered(key: str | int | None) -> Values:
        given = Subscript(over, ANY if key is None else Constant(key), expr.line)
        asked = Call(run, (given,), (), expr.line, expr.column, awaited=False)
        return joined(*(evaluator.called(value, asked, frame) for value in evaluator.evaluate(run, frame)))

    return items((key, answered(key)) for key in places)


def _table(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    """`dict(zip(names, models))`, `dict(name=model)`."""
    given = joined(*(evaluator.evaluate(part, frame) for part in expr.arguments))
    if any(isinstance(value, Items) and any(isinstance(key, str) for key, _ in value.pairs) for value in given):
        return given
    pairs = [pair for pair in elements(given) if isinstance(pair, Items)]
    named = [(word, evaluator.evaluate(part, frame)) for word, part in expr.keywords if word]
    return items([*named, *((None, values) for pair in pairs if (values := picked(pair, 1)))])


_TOGETHER = {
    "dict": _table,
    "asyncio.gather": _gathered,
    "enumerate": _enumerated,
    "zip": _zipped,
    "map": _mapped,
    "concurrent.futures.ThreadPoolExecutor.map": _mapped,
    "concurrent.futures.ProcessPoolExecutor.map": _mapped,
}


def _unfamiliar(evaluator: Evaluator, name: str, expr: Call, frame: Frame) -> Values:
    if name in _TOGETHER:
        return _TOGETHER[name](evaluator, expr, frame)
    meaning = evaluator.catalog.meanings.get(name)
    if meaning == "asked":  # what a model answers
        return ()
    loaded = evaluator.load(name, expr, frame)
    if loaded:
        return loaded
    # What wraps a model is still that model: DataParallel(model), HuggingFacePipeline(pipeline=pipe), torch.compile(model).
    given = [evaluator.evaluate(part, frame) for part in (*expr.arguments, *(part for _, part in expr.keywords))]
    wrapped = [value for values in given for value in values if _is_wrapped(evaluator, value, name)]
    # What trains a model, or runs it elsewhere, is not that model.
    apart = name.endswith("Trainer") or meaning in ("queue", "offload")
    apart = apart or name.rpartition(".")[2] in _RUN_AT
    if name in _PARSES and given and any(isinstance(value, Request) for value in given[0]):
        return (REQUEST,)
    paths = texts(given[0]) if given else ()
    data = evaluator.settings.read(name, paths, frame.path) or strings.read(name, frame.path, evaluator)
    made = (ExternalObject(name, Site(frame.path, expr.line, expr.column)),)
    return joined(() if apart else tuple(wrapped), data, made)


def _is_wrapped(evaluator: Evaluator, value: Value, name: str) -> bool:
    """Whether what a library makes around a value is asked for it: around a model always, around a network by its framework."""
    if isinstance(value, ModelValue):
        width = value.role == "unknown" and name.startswith("torch.nn.") and "Parallel" not in name  # `Linear(held["width"])`
        return value.role != "preprocessor" and not width
    return name.startswith(_WRAPPING) and isinstance(value, Object) and evaluator.is_network(value)


def _getattr(evaluator: Evaluator, expr: Call, frame: Frame, first: Values) -> Values:
    asked = expr.arguments[1]
    names = texts(evaluator.evaluate(asked, frame)) or _asked_for(asked)
    meant = ((value, full) for value in first for name in names for full in _meant(evaluator, value, name))
    found = joined(*(evaluator.attribute(value, full) for value, full in meant))
    if not isinstance(asked, Constant):  # one of a model's methods, chosen by name: calling it asks the model
        found = joined(found, tuple(value for value in first if isinstance(value, ModelValue)))
    if not names:  # any of the classes that the object lists
        found = joined(*(_listed(evaluator, value) for value in first if isinstance(value, Object)))
    return found or (evaluator.evaluate(expr.arguments[2], frame) if len(expr.arguments) > 2 else ())


def _asked_for(asked: Expr) -> tuple[str, ...]:
    """A name of which a request says a part: `f"load_{kind}"` is `load_*`."""
    parts = asked.parts if isinstance(asked, Join) else ()
    words = [str(part.value) if isinstance(part, Constant) else "*" for part in parts]
    return ("".join(words),) if any(word.strip("_*") for word in words) else ()


def _meant(evaluator: Evaluator, value: Value, name: str) -> list[str]:
    """The names that a text with a gap may mean: the methods of the object that fit."""
    before, gap, after = name.partition("*")
    if not gap or not isinstance(value, Object):
        return [name]
    owners = (owner for owner in evaluator.lineage(value) if isinstance(owner, ClassValue))
    modules = ((owner, evaluator.source.module(owner.path)) for owner in owners)
    methods = [method for owner, module in modules if module for method, _ in module.facts.classes[owner.index].methods]
    return [method for method in methods if method.startswith(before) and method.endswith(after)]


def _listed(evaluator: Evaluator, value: Object) -> Values:
    """The classes of the repository that a class holds as its attributes."""
    module = evaluator.source.module(value.path)
    body = module.facts.classes[value.index].body if module else MODULE
    steps = [step for known in module.locals_of(body).values() for step in known] if module else []
    held = (evaluator.evaluate(step.value, evaluator.frame(value.path, body, parent=value.parent)) for step in steps)
    return tuple(known for known in joined(*held) if isinstance(known, ClassValue))


def environment(evaluator: Evaluator, names: tuple[str, ...], default: Values) -> Values:
    """What variables of the environment are set to, or else the default."""
    set_to = joined(*(evaluator.settings.variable(name) for name in names))
    return set_to or softened(default)


def option(evaluator: Evaluator, path: str, name: str) -> Values:
    """The default of `parser.add_argument("--name", default=…)` in the same file."""
    module = evaluator.source.module(path)
    for index, _, call in module.calls() if module else ():
        if last_name(call.function) != "add_argument":
            continue
        flags = [part.value for part in call.arguments if isinstance(part, Constant) and isinstance(part.value, str)]
        words = dict(call.keywords)
        if name not in [flag.lstrip("-").replace("-", "_") for flag in flags]:
            continue
        action = words.get("action")
        if isinstance(action, Constant) and action.value in ("store_true", "store_false"):
            return (Known(action.value == "store_false", soft=True),)
        default = words.get("default")
        return softened(evaluator.evaluate(default, evaluator.free_frame(path, index))) if default is not None else ()
    return ()


def of_join(evaluator: Evaluator, expr: Join, frame: Frame) -> Values:
    """An f-string, a concatenation or a path of parts; `*` stands for what nobody knows."""
    parts = [evaluator.evaluate(part, frame) for part in expr.parts]
    if any(isinstance(value, Request) for values in parts for value in values):
        return (REQUEST,)
    if merged := together(parts):
        return merged
    words = [
        next((str(value.value) for value in values if isinstance(value, Known) and value.value is not None), "*")
        for values in parts
    ]
    text = "".join(words) if not _is_path(words) else "/".join(word.strip("/") for word in words)
    return (Known(text, soft="*" in words),) if any(word != "*" for word in words) else ()


def load(evaluator: Evaluator, name: str, expr: Call, frame: Frame) -> Values:
    """The model that a call of the catalogue brings in; () for any other call."""
    entry = evaluator.catalog.loads.called(name)
    if entry is None:
        return ()
    words = dict(expr.keywords)
    if entry.constructor and not any(word in words for word in entry.constructor) and not expr.arguments:
        return ()
    if entry.role == "part" and (wrapped := _wrapped(evaluator, expr, frame)):
        return wrapped
    identity = next((found for found in (_argument(expr, place) for place in entry.identity) if found is not None), None)
    values = evaluator.evaluate(identity, frame) if identity is not None else ()
    named = texts(values)
    task = next((found for found in (_argument(expr, place) for place in entry.task) if found is not None), None)
    tasks = texts(evaluator.evaluate(task, frame)) if task is not None else ()
    if not named:
        named = tuple(f"pipeline:{text}" for text in tasks)
    partly = any(word in words for word in entry.partly)
    said = (kind for word, kind in entry.kinds if any(word in text for text in (*tasks, *named)))
    return (
        ModelValue(
            site=_receiver(evaluator, expr, frame) or Site(frame.path, expr.line, expr.column),
            framework=entry.framework,
            kind=next(said, entry.kind),
            role=entry.role,  # type: ignore[arg-type]
            weight="" if partly else entry.weight,
            names=() if partly else named,
            several=entry.several,
            by_request=any(isinstance(value, Request) for value in values),
            from_parameter=_from_parameter(evaluator, identity, frame),
            holder=frame.index,
            helper=entry.helper or any(word in text for word in entry.helpers for text in named),
            named_at=tuple(site for site in origins(values) if site != Site(frame.path, expr.line)),
        ),
    )


def _wrapped(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    """The model that an adapter or a batching pipeline is put around: asking that asks the model."""
    given = evaluator.evaluate(expr.arguments[0], frame) if expr.arguments else ()
    named = joined(given, *(evaluator.evaluate(part, frame) for word, part in expr.keywords if word in ("model", "pipeline")))
    return tuple(value for value in named if isinstance(value, ModelValue) and value.role == "model")


def _receiver(evaluator: Evaluator, expr: Call, frame: Frame) -> Site | None:
    """`model.load_model(path)`: the model is the object that was made before."""
    if not isinstance(expr.function, Attribute) or expr.function.name != "load_model":
        return None
    held = evaluator.evaluate(expr.function.base, frame)
    return next(
        (value.site for value in held if isinstance(value, ExternalObject) and value.site.path == frame.path and value.site.line),
        None,
    )


def _from_parameter(evaluator: Evaluator, identity: Expr | None, frame: Frame) -> bool:
    module = evaluator.source.module(frame.path)
    names = {known.name for known in module.function(frame.index).parameters} if module else set()
    return isinstance(identity, Name) and identity.id in names


def _argument(call: Call, place: int | str) -> Expr | None:
    if isinstance(place, int):
        return call.arguments[place] if place < len(call.arguments) else None
    return next((value for word, value in call.keywords if word == place), None)


def _is_path(words: list[str]) -> bool:
    return words[:1] == [""]


def _as_number(value: str | int | float | bool | None) -> str | int | float | bool | None:
    try:
        return float(value) if isinstance(value, str) and "." in value else int(value) if isinstance(value, str) else value
    except ValueError:
        return value
