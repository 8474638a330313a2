"""The functions of a deployable that run at start-up and those that answer requests."""

from __future__ import annotations

from functools import cached_property

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.catalog import ServerEntry
from mlscaffold.lint.facts import MODULE, FunctionFacts
from mlscaffold.lint.project.entries import Entries, Start
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.hooks import Hook, ends_in, in_thread, is_action, is_injected, text_of, texts_of
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import (
    REQUEST,
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Items,
    ModelValue,
    Object,
    Site,
    Value,
    Values,
    joined,
)
from mlscaffold.lint.syntax import Attribute, Call, Collection, Constant, Expr, Mapping, Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VERBS = frozenset(
    "get post put delete patch route api_route websocket head options websocket_route add_url_rule call http cli "
    "query subscription".split()
)
_OTHERS = frozenset(
    "function command message on_message event api on tool resource prompt callback "
    "before_request before_app_request middleware".split()  # these run before each answer
)
_STARTS = frozenset(
    "before_first_request before_serving before_server_start main_process_start on_startup after_server_start "
    "before_app_first_request "
    "worker_process_init worker_init worker_ready on_after_configure on_after_finalize startup".split()
)
_A_CLASS_EACH = ("ray serve", "bentoml")  # a class is a server, whatever stands beside it
_LISTENS = ("on_event", "listener", "on")
_MOMENTS = ("startup", "before_server_start", "main_process_start", "after_server_start")
_REGISTERS = frozenset(
    "add_api_route add_url_rule add_route add_post add_get add_put Route WebSocketRoute APIRoute add_resource "
    "add_api_websocket_route "
    "path re_path url add_view register Rule add_websocket_route".split()
)
_LISTENERS = frozenset(("on_click", "on_change", "on_upload", "on_submit"))  # what a part of a page runs
_UI = frozenset("click submit change upload then input select release load tap like".split())
_LOOKED_AT = (
    _REGISTERS | _UI | frozenset("Interface ChatInterface serve start bind add_event_handler register_listener append".split())
)
_ANSWERS = (
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "list",
    "create",
    "retrieve",
    "update",
    "on_get",
    "on_post",
    "on_put",
    "on_message",
    "dispatch",
    "prepare",
    "data_received",
    "on_delete",
)
_VIEW_BASES = (
    "View",
    "Resource",
    "APIView",
    "ViewSet",
    "RequestHandler",
    "MethodView",
    "Endpoint",
    "HTTPEndpoint",
    "HTTPMethodView",
    "Controller",
    "GenericAPIView",
    "Namespace",
    "WebSocketHandler",
    "API",
    "MAXAPI",
    "PredictAPI",
    "HandlerMixin",
)


class Handlers:
    """Finds the hooks in the modules of one deployable."""

    def __init__(
        self, evaluator: Evaluator, entries: Entries, start: Start, modules: tuple[str, ...], foreign: Callable[[Site], bool]
    ) -> None:
        self._evaluator = evaluator
        self._entries = entries
        self._start = start
        self._foreign = foreign
        self._modules = [module for path in modules if (module := evaluator.source.module(path))]
        self._found: dict[tuple[str, int], Hook] = {}
        self._startup: dict[tuple[str, int], Hook] = {}

    def find(self) -> tuple[tuple[Hook, ...], tuple[Hook, ...]]:
        """(start-up hooks, handlers), in the order of their places."""
        for module in self._modules:
            for index, function in enumerate(module.facts.functions):
                for decorator in function.decorators if self._is_own_method(module, function) else ():
                    self._decorator(decorator, module, index)
            self._applied(module)
            self._registered(module)
            self._class_hooks(module)
        self._functions()
        startup = tuple(self._startup[key] for key in sorted(self._startup))
        # A start-up hook that is also listed as a route stays a start-up hook.
        handlers = tuple(self._found[key] for key in sorted(self._found) if key not in self._startup)
        return startup, handlers

    def _is_own_method(self, module: Module, function: FunctionFacts) -> bool:
        """False for a method of another class, where each class is a server of its own."""
        holder = self._start.holder
        if holder is None or function.owner < 0 or self._start.server.framework not in _A_CLASS_EACH:
            return True
        owners = (owner for owner in self._evaluator.lineage(holder) if isinstance(owner, ClassValue))
        return any((owner.path, owner.index) == (module.path, function.owner) for owner in owners)

    # -- decorators ------------------------------------------------------------------------------------------------

    def _decorator(self, decorator: Expr, module: Module, index: int) -> None:
        target = decorator.function if isinstance(decorator, Call) else decorator
        name = last_name(target)
        parent = module.function(index).parent
        frame = self._evaluator.free_frame(module.path, parent if parent not in module.bodies else module.function(parent).parent)
        if isinstance(decorator, Call) and name in _LISTENS and text_of(decorator) in _MOMENTS:
            self._add(self._startup, module, index, "startup")
            return
        if name in _STARTS or (
            name == "connect"
            and any(last_name(part) in _STARTS for part in ([target.base] if isinstance(target, Attribute) else []))
        ):
            self._add(self._startup, module, index, name)
            return
        if name in ("task", "shared_task", "actor", "periodic_task", "subscriber") and self._start.server.kind == "worker":
            self._add(self._found, module, index, f"task {module.function(index).name}", task=True)
            return
        if self._start.server.kind == "batch":
            if self._is_own(target, frame):  # a step of a flow: it runs to its end, nobody waits
                self._add(self._startup, module, index, name)
            return
        own = self._of_library(target, frame)
        if own == "start":
            self._add(self._startup, module, index, name)
        elif own:
            label = f"{name.upper()} {text_of(decorator)}" if text_of(decorator) else module.function(index).name
            self._add(self._found, module, index, label, stream=name.startswith("websocket"))
        elif name in _VERBS or name in _OTHERS:
            self._route(decorator, target, name, module, index, frame)

    def _of_library(self, target: Expr, frame: Frame) -> str:
        """What a decorator that the library itself has makes of a function: a "route", what runs at the "start", or ""."""
        if last_name(target) not in self._evaluator.catalog.route_names:
            return ""
        values = self._evaluator.evaluate(target, frame)
        named = (self._evaluator.catalog.routes.get(value.name) for value in values if isinstance(value, External))
        return next(filter(None, named), "")

    def _is_own(self, target: Expr, frame: Frame) -> bool:
        """Whether a decorator is one of the framework at hand."""
        framework = self._start.server.framework
        values = self._evaluator.evaluate(target, frame)
        return any(isinstance(value, External) and value.name.startswith(f"{framework}.") for value in values)

    def _route(self, decorator: Expr, target: Expr, name: str, module: Module, index: int, frame: Frame) -> None:
        base = target.base if isinstance(target, Attribute) else target
        values = self._evaluator.evaluate(base, frame)
        path = text_of(decorator) if isinstance(decorator, Call) else ""
        servers = [value for value in values if isinstance(value, ExternalObject | External)]
        if any(isinstance(value, ExternalObject) and self._foreign(value.site) for value in servers):
            return
        known = any(self._is_server(value.name) for value in servers)
        subclassed = any(isinstance(value, Object) and self._is_server_object(value) for value in values)
        looks = path.startswith("/") or name in ("route", "websocket")
        if known or subclassed or (looks and not servers):
            plain = name in ("route", "websocket", "api_route", "call", "http") or (name in _OTHERS and not path)
            label = path if plain else f"{name.upper()} {path}".strip()
            self._depended(dict(decorator.keywords).get("dependencies") if isinstance(decorator, Call) else None, frame)
            self._add(self._found, module, index, label or module.function(index).name, stream=name.startswith("websocket"))

    def _is_server(self, name: str) -> bool:
        catalog = self._evaluator.catalog
        return bool(
            catalog.constructors.get(name)
            or catalog.routers.get(name)
            or name.startswith(("hug.", "hug", "bottle.", "socketio.", "bentoml."))
        )

    def _is_server_object(self, value: Object) -> bool:
        return any(isinstance(owner, External) and self._is_server(owner.name) for owner in self._evaluator.lineage(value))

    # -- registrations ---------------------------------------------------------------------------------------------

    def _registered(self, module: Module) -> None:
        for index, _, call in module.calls():
            name = last_name(call.function)
            words = dict(call.keywords) if call.keywords else {}
            lifespan = words.get("lifespan") or words.get("on_startup") or words.get("python_callable")
            if lifespan is None and name not in _LOOKED_AT and _LISTENERS.isdisjoint(words) and "dependencies" not in words:
                continue
            frame = self._evaluator.free_frame(module.path, index)
            for word in words if self._start.server.kind == "ui" else ():
                if word in _LISTENERS:
                    self._given(self._found, words[word], word, frame)
            self._depended(words.get("dependencies"), frame)
            if lifespan is not None:
                self._given(self._startup, lifespan, "lifespan", frame)
            if name in _REGISTERS:
                self._registration(call, name, frame)
            elif name in ("add_event_handler", "register_listener", "append") and (
                "startup" in texts_of(call) or ends_in(call, "on_startup")
            ):
                for part in call.arguments:
                    self._given(self._startup, part, "startup", frame)
            elif name in _UI or name in ("Interface", "ChatInterface"):
                self._interface(call, name, frame)
            else:
                self._served(call, name, frame)

    def _depended(self, listed: Expr | None, frame: Frame) -> None:
        """`dependencies=[Depends(f)]` of an application, a router or a route: they run before each of its answers."""
        for part in listed.items if isinstance(listed, Collection) else ():
            if isinstance(part, Call) and is_injected(part) and part.arguments:
                self._given(self._found, part.arguments[0], "", frame)

    def _served(self, call: Call, name: str, frame: Frame) -> None:
        """What a server is given to run: `websockets.serve(f, …)`, `server.bind(infer_func=f)`, `start({"handler": f})`."""
        framework = self._start.server.framework
        if name == "serve" and framework == "websockets" and call.arguments:
            self._given(self._found, call.arguments[0], "websocket", frame, stream=True)
        elif name == "bind" and framework == "pytriton":
            for word, part in call.keywords:
                if word == "infer_func":
                    self._given(self._found, part, "infer", frame)
        elif name == "start" and framework == "runpod":
            for part in call.arguments:
                for _, value in part.pairs if isinstance(part, Mapping) else ():
                    self._given(self._found, value, "handler", frame)

    def _applied(self, module: Module) -> None:
        """`app.on_event("startup")(load)`, `app.post("/predict")(predict)`: decorators that are written as calls."""
        for index, _, call in module.calls():
            decorator = call.function
            if not isinstance(decorator, Call) or not isinstance(decorator.function, Attribute):
                continue
            name, text = decorator.function.name, text_of(decorator)
            frame = self._evaluator.free_frame(module.path, index)
            for part in call.arguments:
                if name in _LISTENS and text in _MOMENTS:
                    self._given(self._startup, part, "startup", frame)
                elif name in _VERBS and text.startswith("/"):
                    self._given(self._found, part, f"{name.upper()} {text}", frame, stream=name.startswith("websocket"))

    def _registration(self, call: Call, name: str, frame: Frame) -> None:
        label = next(iter(texts_of(call)), name)
        if name in ("path", "re_path", "url"):
            values = self._evaluator.evaluate(call.function, frame)
            if not any(isinstance(value, External) and self._evaluator.catalog.urls.get(value.name) for value in values):
                return
        for part in (
            *call.arguments,
            *(value for word, value in call.keywords if word in ("endpoint", "view_func", "handler", "view")),
        ):
            self._given(self._found, part, label, frame, stream="websocket" in name.lower())

    def _interface(self, call: Call, name: str, frame: Frame) -> None:
        if self._start.server.kind != "ui":
            return
        given = dict(call.keywords).get("fn") or (call.arguments[0] if call.arguments else None)
        if given is not None:
            self._given(self._found, given, name, frame)

    def _given(self, into: dict[tuple[str, int], Hook], part: Expr, label: str, frame: Frame, *, stream: bool = False) -> None:
        if isinstance(part, Constant):
            return
        values = self._evaluator.evaluate(part, frame)
        values = (
            *values,
            *(inner for value in values if isinstance(value, Items) for _, inners in value.pairs for inner in inners),
        )
        for value in values:
            self._give(into, value, label, stream=stream, fixed=self._fixed(part, value, frame))
        if isinstance(part, Call) and isinstance(part.function, Attribute) and part.function.name in ("as_view", "as_asgi"):
            for value in self._evaluator.evaluate(part.function.base, frame):
                self._give(into, value, label, stream=stream)

    def _fixed(self, part: Expr, value: Value, frame: Frame) -> dict[str, Values]:
        """What `partial(function, model, name=…)` gives its function beforehand."""
        if not isinstance(part, Call) or last_name(part.function) != "partial" or not isinstance(value, FunctionValue):
            return {}
        given = [self._evaluator.evaluate(argument, frame) for argument in part.arguments[1:]]
        words = {word: self._evaluator.evaluate(argument, frame) for word, argument in part.keywords}
        return dict(self._evaluator.bind(value, given, words).bindings)

    def _give(
        self,
        into: dict[tuple[str, int], Hook],
        value: Value,
        label: str,
        *,
        stream: bool,
        fixed: dict[str, Values] | None = None,
    ) -> None:
        if isinstance(value, FunctionValue):
            module = self._evaluator.source.module(value.path)
            if module is not None:
                self._put(into, module, value.index, label, value.itself, value.parent, stream=stream, fixed=fixed)
        elif isinstance(value, ClassValue | Object):
            self._view(
                into, ClassValue(value.path, value.index, value.parent), label, value if isinstance(value, Object) else None
            )

    def _view(self, into: dict[tuple[str, int], Hook], value: ClassValue, label: str, made: Object | None) -> None:
        itself = made or Object(value.path, value.index, value.parent)
        for owner in self._evaluator.lineage(value):
            module = self._evaluator.source.module(owner.path) if isinstance(owner, ClassValue) else None
            if module is None or isinstance(owner, External):
                continue
            for name, index in module.facts.classes[owner.index].methods:
                if name in _ANSWERS or is_action(module.function(index)):
                    self._put(into, module, index, label, itself, owner.parent)

    # -- classes and functions that a framework calls --------------------------------------------------------------

    def _class_hooks(self, module: Module) -> None:
        for index, known in enumerate(module.facts.classes):
            frame = self._evaluator.free_frame(module.path, max(known.parent, 0))
            value = ClassValue(module.path, index, frame)
            if self._start.holder is not None and self._start.server.framework in _A_CLASS_EACH:
                if (value.path, value.index) != (self._start.holder.path, self._start.holder.index):
                    continue
                entry: ServerEntry | None = self._start.server
            else:
                entry = self._evaluator.catalog.classes.get(known.name) or self._entries.server_base(value)
            if entry is not None and entry.framework not in (self._start.server.framework, "label-studio-ml"):
                continue  # a class of another server is run by that server
            if entry is not None and self._is_base(value):
                continue  # what it defines runs as the methods of the class below it
            if entry is not None and self._served_by and not self._is_served(value):
                continue  # another server runs it
            if entry is not None and self._is_held(value, known.name):
                continue  # an object that the serving class keeps for itself is asked by nobody else
            if entry is not None and entry.framework == "arq":
                self._listed(value)
            elif entry is not None:
                self._framework_class(value, entry, module)
            elif any(last_name(base) == "AppConfig" for base in known.bases):
                self._ready(value, module, dict(known.methods))
            elif any(
                last_name(base) in _VIEW_BASES or last_name(base).endswith(("View", "ViewSet", "Resource", "Handler"))
                for base in known.bases
            ) or any(name in ("on_get", "on_post") for name, _ in known.methods):
                self._view(self._found, value, known.name, None)

    def _ready(self, value: ClassValue, module: Module, methods: dict[str, int]) -> None:
        """`ready` of an application of Django runs when the project starts."""
        if self._start.server.framework == "django" and "ready" in methods:
            itself = Object(value.path, value.index, value.parent)
            self._put(self._startup, module, methods["ready"], "ready", itself, value.parent)

    def _is_base(self, value: ClassValue) -> bool:
        """Whether the class that serves extends this one."""
        holder = self._start.holder
        owners = self._evaluator.lineage(holder)[1:] if holder is not None else []
        return any(isinstance(owner, ClassValue) and (owner.path, owner.index) == (value.path, value.index) for owner in owners)

    def _is_held(self, value: ClassValue, name: str) -> bool:
        """Whether the class that serves makes objects of another one that could serve."""
        holder = self._start.holder
        if holder is None or (holder.path, holder.index) == (value.path, value.index):
            return False
        for path, index, _ in self._evaluator.calls_of(name):
            module = self._evaluator.source.module(path)
            if module is not None and path == holder.path and module.function(index).owner == holder.index:
                return True
        return False

    @cached_property
    def _served_by(self) -> tuple[Object, ...]:
        """The objects that `LitServer(api, …)` of the entry is given."""
        module = self._evaluator.source.module(self._start.site.path)
        if module is None or self._start.server.framework != "litserve":
            return ()
        place = (self._start.site.line, self._start.site.column)
        made = [(index, call) for index, _, call in module.calls() if (call.line, call.column) == place and call.arguments]
        held = [
            self._evaluator.evaluate(call.arguments[0], self._evaluator.free_frame(module.path, index)) for index, call in made
        ]
        return tuple(value for values in held for value in values if isinstance(value, Object))

    def _is_served(self, value: ClassValue) -> bool:
        owners = (owner for served in self._served_by for owner in self._evaluator.lineage(served))
        return any(isinstance(owner, ClassValue) and (owner.path, owner.index) == (value.path, value.index) for owner in owners)

    def _listed(self, value: ClassValue) -> None:
        """The tasks of a settings class: `functions = [resize, describe]`, `on_startup = load`."""
        for name, into in (("on_startup", self._startup), ("functions", self._found)):
            for held in self._evaluator.of_class(value, name):
                inner = [one for _, ones in held.pairs for one in ones] if isinstance(held, Items) else [held]
                for task in inner:
                    self._give(into, task, name, stream=False)

    def _framework_class(self, value: ClassValue, entry: ServerEntry, module: Module) -> None:
        itself = Object(value.path, value.index, value.parent)
        for owner, name, index in self._methods_of(value):
            holder = self._evaluator.source.module(owner.path) or module
            function = holder.function(index)
            routed = any(
                isinstance(part, Call | Attribute | Name)
                and last_name(part.function if isinstance(part, Call) else part) in (*_VERBS, "api", "method", "requests")
                for part in function.decorators
            )
            public = not name.startswith("_") and not entry.answer
            if name in entry.setup:
                self._put(self._startup, holder, index, name, itself, owner.parent)
            elif name in entry.answer or routed or public:
                self._put(self._found, holder, index, name, itself, owner.parent, stream=entry.stream)

    def _methods_of(self, value: ClassValue) -> Iterator[tuple[ClassValue, str, int]]:
        """The methods that a class has or inherits from the repository, each by its nearest definition."""
        seen: set[str] = set()
        for owner in self._evaluator.lineage(value):
            module = self._evaluator.source.module(owner.path) if isinstance(owner, ClassValue) else None
            if module is None or isinstance(owner, External):
                continue
            own = module.facts.classes[owner.index].methods
            yield from ((owner, name, index) for name, index in own if name not in seen)
            seen.update(name for name, _ in own)

    def _functions(self) -> None:
        start = self._start
        module = self._evaluator.source.module(start.site.path)
        if module is None or start.holder is not None:
            return
        top = module.nested.get(MODULE, {})
        for name in start.server.setup if start.server.kind == "lambda" else ():
            if name in top:
                self._add(self._startup, module, top[name], name)
        for name in start.server.answer if start.server.kind == "lambda" else ():
            if name in top:
                self._add(self._found, module, top[name], name)
                self._take_model(module, top, name)

    def _take_model(self, module: Module, top: dict[str, int], name: str) -> None:
        """`predict_fn(data, model)`, `transform_fn(model, data, …)` are given what `model_fn` returned."""
        hook = self._found[module.path, top[name]]
        place = {"predict_fn": 1, "transform_fn": 0}.get(name, -1)
        if "model_fn" not in top or not 0 <= place < len(hook.function.parameters):
            return
        made = self._evaluator.returned(FunctionValue(module.path, top["model_fn"], hook.frame.parent), (), {})
        given = [
            (word, made if word == hook.function.parameters[place].name and made else values)
            for word, values in hook.frame.bindings
        ]
        frame = self._evaluator.frame(module.path, top[name], bindings=given, itself=None, parent=hook.frame.parent)
        self._found[module.path, top[name]] = replace(hook, frame=frame)

    # -- gathering -------------------------------------------------------------------------------------------------

    def _add(
        self,
        into: dict[tuple[str, int], Hook],
        module: Module,
        index: int,
        label: str,
        *,
        stream: bool = False,
        task: bool = False,
    ) -> None:
        free = self._evaluator.free_frame(module.path, index)
        self._put(into, module, index, label, free.itself, free.parent, stream=stream, task=task)

    def _put(
        self,
        into: dict[tuple[str, int], Hook],
        module: Module,
        index: int,
        label: str,
        itself: Value | None,
        parent: Frame | None,
        *,
        stream: bool = False,
        task: bool = False,
        fixed: dict[str, Values] | None = None,
    ) -> None:
        function = module.function(index)
        bound = itself if isinstance(itself, Object) else None
        asked = self._requested(function, module, bound) if into is self._found else ()
        bindings = tuple({**dict(asked), **(fixed or {})}.items())
        frame = self._evaluator.frame(module.path, index, bindings=bindings, itself=bound, parent=parent)
        on_loop = self._start.server.plain == "loop" and into is self._found and not task and not in_thread(function)
        loop = function.is_async or on_loop
        known = into.get((module.path, index))
        if known is not None and fixed:  # one function, with another model on another route
            both = tuple((word, joined(values, known.frame.bound(word) or ())) for word, values in bindings)
            frame = self._evaluator.frame(module.path, index, bindings=both, itself=bound, parent=parent)
            into[module.path, index] = replace(known, frame=frame)
        into.setdefault(
            (module.path, index), Hook(label or function.name, frame, function, loop, stream or self._start.server.stream, task)
        )

    def _is_injected(self, annotation: Expr | None, module: Module) -> bool:
        alias = self._evaluator.alias(annotation, self._evaluator.frame(module.path, MODULE)) if annotation is not None else None
        return is_injected(alias[0] if alias else annotation)

    def _holds_model(self, default: Expr | None, module: Module, function: FunctionFacts) -> bool:
        """`lambda path, model=model: …`: a default that holds a model on to the function."""
        frame = self._evaluator.free_frame(module.path, max(function.parent, MODULE))
        values = self._evaluator.evaluate(default, frame) if isinstance(default, Name) else ()
        return any(isinstance(value, ModelValue | Object) for value in values)

    def _requested(self, function: FunctionFacts, module: Module, itself: Object | None) -> tuple[tuple[str, Values], ...]:
        """What a request fills in: every parameter that is not injected."""
        bound: list[tuple[str, Values]] = []
        for place, parameter in enumerate(function.parameters):
            if itself is not None and place == 0:
                bound.append((parameter.name, (itself,)))
            elif parameter.star:
                continue
            elif (
                not is_injected(parameter.default)
                and not self._is_injected(parameter.annotation, module)
                and parameter.name not in ("ctx", "app")
                and not self._holds_model(parameter.default, module, function)
            ):
                bound.append((parameter.name, (REQUEST,)))
        return tuple(bound)
