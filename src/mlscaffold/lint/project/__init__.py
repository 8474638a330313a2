"""The joined project: files, imports, calls and deploy files become deployables with models and handlers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import PurePosixPath

from mlscaffold.light import TYPE_CHECKING, cast, replace
from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.config import ServiceOptions
from mlscaffold.lint.deploy.process import Deployment, Process
from mlscaffold.lint.facts import MODULE, FileFacts
from mlscaffold.lint.project.closures import Closures
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.entries import Entries, Start, is_test
from mlscaffold.lint.project.evaluate import Evaluator, share
from mlscaffold.lint.project.events import Event, Spot, State
from mlscaffold.lint.project.groups import mounts_of, without_repeated
from mlscaffold.lint.project.handlers import Handlers
from mlscaffold.lint.project.hints import Hints
from mlscaffold.lint.project.hooks import Hook
from mlscaffold.lint.project.imports import Imports
from mlscaffold.lint.project.loads import gather
from mlscaffold.lint.project.named import added, named, script
from mlscaffold.lint.project.running import Variant, joined_with, variants, workers_in
from mlscaffold.lint.project.settings import Settings
from mlscaffold.lint.project.sizes import Sizes
from mlscaffold.lint.project.source import Module, Source, last_name
from mlscaffold.lint.project.unreached import unreached
from mlscaffold.lint.project.values import FunctionValue, Site
from mlscaffold.lint.project.walk import Walker
from mlscaffold.lint.project.words import CONSUMES
from mlscaffold.lint.service import Kind, SizeEvidence
from mlscaffold.lint.syntax import Constant, children

_OUTSIDE = frozenset(
    "requests redis numpy pandas scipy yaml torch transformers tensorflow keras sklearn onnxruntime joblib PIL cv2 boto3 httpx "
    "openai flask fastapi starlette celery pydantic uvicorn aiohttp quart sanic tornado django bottle falcon gradio streamlit "
    "bentoml grpc litserve".split()
)

if TYPE_CHECKING:
    from mlscaffold.lint.measure import Latency


class Project:
    """Answers questions about one repository; it never changes."""

    def __init__(
        self,
        *,
        python: Iterable[str],
        candidates: Iterable[str],
        config: Iterable[str],
        facts: Callable[[str], FileFacts | None],
        read: Callable[[str], bytes | None],
        catalog: Catalog,
        files: frozenset[str] = frozenset(),
        weigh: Callable[[str], tuple[int, SizeEvidence] | None] = lambda _: None,
        deployment: Deployment | None = None,
        services: Mapping[str, ServiceOptions] | None = None,
        configured_in: str = "",
        skipped: Callable[[str], str] = lambda _: "",
        latency: Callable[[str], Latency | None] = lambda _: None,
        remote: bool = True,
    ) -> None:
        """`remote`: calls of other services are asked for even where no model is."""
        self._latency = latency
        self.configured_in = configured_in  # the configuration file, where it lies in the repository
        self.skipped = skipped
        self.deployment = deployment or Deployment()
        self.services = services or {}
        self._read = read
        self.catalog = catalog
        self.sizes = Sizes(catalog, weigh)
        self.files = files
        self.source = Source(facts)
        self._hints = Hints(catalog, remote=remote)
        paths = tuple(python)
        self._known = frozenset(paths)
        self._candidates = tuple(candidates)
        self.settings = Settings(config, read)
        self.evaluator = Evaluator(self.source, Imports(paths, outside=_OUTSIDE), catalog, self.settings)
        self.modules = Closures(self.source, self.evaluator.imports, self._known)

    @cached_property
    def deployables(self) -> tuple[Deployable, ...]:
        """Every deployable, in the order of its entry's place."""
        entries = Entries(self.evaluator, self._candidates)
        starts = entries.all()
        groups = [(start, site) for start in starts for site in (start.callers or (start.site,))]
        groups = without_repeated(groups, self.modules, self.evaluator)
        self._mounts = mounts_of(groups, self.modules, self.evaluator)
        groups = [(start, site) for start, site in groups if start.site not in self._mounts or site != start.site]
        groups += added(groups, self.services, self.deployment.processes, self._known)
        sites = frozenset(start.site for start in starts)
        run_by = joined_with(self.deployment.processes, groups, lambda path: self.modules.closure([path], wide=True))
        programs = self._programs(frozenset(process for held in run_by.values() for process in held))
        made = [
            self._as_program(known) if (start, site) in programs else known
            for start, site in (*groups, *programs)
            for known in self._in_each_environment(
                entries, start, site, sites, run_by.get((start, site)) or programs.get((start, site), ())
            )
            if known.models or not ((start, site) in programs or _is_flow(start))
        ]
        return tuple(sorted(made, key=lambda known: (known.entry.path, known.entry.line, known.id)))

    def _programs(self, serving: frozenset[Process]) -> dict[tuple[Start, Site], tuple[Process, ...]]:
        """What deploy files start and what is no server: consumers of a queue, jobs. Those without a model are dropped later."""
        found: dict[str, list[Process]] = {}
        for process in self.deployment.processes:
            if process not in serving and process.command.server == "python":
                for path in process.entries:
                    if path in self._known and not is_test(path):
                        found.setdefault(path, []).append(process)
        return {script(path, "batch"): tuple(held) for path, held in sorted(found.items())}

    def _as_program(self, known: Deployable) -> Deployable:
        """What takes work for ever is a worker; what runs to its end a job."""
        works = known.endless or any(self._consumes(path) for path in known.modules)
        return replace(known, kind="worker") if works and not known.options.mode else known

    def _consumes(self, path: str) -> bool:
        """Whether a file goes through the messages of a broker, of which there is no end."""
        module = self.source.module(path)
        return module is not None and any(last_name(call.function) in CONSUMES for _, _, call in module.calls())

    def mounted_in(self, path: str) -> tuple[Site, ...]:
        """The applications of other files that the one of this file carries."""
        assert self.deployables is not None  # they are found on the way
        return tuple(sorted((site for site, outer in self._mounts.items() if outer == path), key=lambda site: site.path))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Python files that could not be read though a deployable imports them, or they look as if they made one."""
        looked = {path for service in self.deployables for path in service.modules}
        looked.update(path for path in self._candidates if not is_test(path))
        return tuple(sorted(path for path in looked if path in self._known and self.source.module(path) is None))

    def measured(self, load: Load) -> Latency | None:
        """What one answer of a model takes, where it lies in the repository as an ONNX file and was measured."""
        for name in load.model.names if load.role == "model" else ():
            wanted = name.replace("*", "").lstrip("./")
            if not wanted.endswith(".onnx"):
                continue
            found = min((path for path in self.files if f"/{path}".endswith(f"/{wanted}")), default="")
            if found:
                return self._latency(found)
        return None

    def line_of(self, path: str, words: str) -> int:
        """The first line of a file that holds the words; 1 where none does."""
        lines = (self._read(path) or b"").decode(errors="replace").split("\n")
        return next((number for number, line in enumerate(lines, 1) if words in line), 1)

    # -- one deployable --------------------------------------------------------------------------------------------

    def _in_each_environment(
        self, entries: Entries, start: Start, site: Site, starts: frozenset[Site], processes: tuple[Process, ...]
    ) -> list[Deployable]:
        """One deployable, or one for each environment in which it holds other models."""
        reads = self._reader_of_names(site.path) if len(processes) > 1 else lambda _: False
        made = [(known, self._deployable(entries, start, site, starts, known)) for known in variants(processes, reads)]
        held = {frozenset((load.site, load.model.names) for load in service.loads) for _, service in made}
        if len(held) == 1:
            return [replace(made[0][1], processes=processes)]
        return [replace(service, id=f"{service.id}@{known.name}") for known, service in made]

    def _reader_of_names(self, path: str) -> Callable[[str], bool]:
        """Whether a name stands anywhere in the modules that a file imports: settings classes ask for it in lower case."""
        text = b"\0".join(self._read(module) or b"" for module in self.modules.closure([path], wide=True)).lower()
        return lambda name: name.lower().encode() in text

    def _is_silent(self, paths: tuple[str, ...]) -> bool:
        """Whether nothing in these modules, and nothing that they import by a text, can end in an event."""
        modules = [module for path in paths if (module := self.source.module(path))]
        if self._hints.any_in(modules):
            return False
        return not self._hints.any_imports_by_text(modules) or self._is_silent_throughout

    @cached_property
    def _is_silent_throughout(self) -> bool:
        """Whether nothing in the repository, its tests aside, can end in an event, not even where code or settings name it."""
        modules = (self.source.glimpse(path) for path in sorted(self._known) if not is_test(path))
        return not self._hints.any_in((module for module in modules if module is not None), self.settings.words())

    def _deployable(self, entries: Entries, start: Start, site: Site, starts: frozenset[Site], variant: Variant) -> Deployable:
        roots = [site.path, *([start.site.path] if start.site.path != site.path else []), *self._extra_roots(start, site, starts)]
        loaded = [*self.modules.packages("", site.path), *roots]
        strict = self.modules.closure(loaded)
        wide = tuple(dict.fromkeys((*strict, *self.modules.closure(loaded, wide=True))))
        self.evaluator.enter(wide, variant.environment, questions=share(len(starts)))
        self.evaluator.silent = self._is_silent(wide)

        def foreign(made: Site) -> bool:
            return made != start.site and made.path not in roots and made in starts

        startup, handlers = Handlers(self.evaluator, entries, start, wide, foreign).find()
        script = start.server.framework == "streamlit"
        module_events = self._run_modules(strict, roots, start, site)
        startup_events = tuple(event for hook in startup for event in self._run(hook, "startup", site.path))
        runs = [HandlerRun(hook, self._run(hook, "per-request", site.path)) for hook in handlers]
        if script:
            runs += [self._page(start, Site(path, site.line if path == site.path else 1), site) for path in roots]
        if start.function != MODULE:
            startup_events = (*startup_events, *self._factory(start, site))
        events = (*module_events, *startup_events, *(event for run in runs for event in run.events))
        root = self._root(site.path)
        name, options = named(_id(site.path, start), site.path, self.services)
        loads = gather(events)
        return Deployable(
            id=name,
            kind="batch" if options.mode == "batch" else cast("Kind", start.server.kind),
            start=start,
            root=root,
            entry=site,
            modules=wide,
            module_events=module_events,
            startup_events=startup_events,
            handlers=tuple(runs),
            processes=variant.processes,
            workers_in_code=workers_in(roots, self.evaluator),
            options=options,
            loads=loads,
            alternatives=() if self.evaluator.silent else unreached(self.evaluator, wide, loads),
        )

    def _extra_roots(self, start: Start, site: Site, starts: frozenset[Site]) -> list[str]:
        """Files that import the application and run it, the files with a queue's tasks, a Django project's settings."""
        if start.callers:
            return []
        if start.server.framework == "streamlit":
            return [path for path in self.modules.pages(site.path) if self.source.module(path) is not None]
        if start.server.framework == "django":
            settings = self.evaluator.imports.resolve(site.path, "settings", 1)
            apps = self._installed_in(settings) if settings in self._known else []
            return [path for path in (settings, *apps) if path in self._known]
        importing = self._candidates_by_import.get(start.site.path, ())
        taken = {other.path for other in starts} if importing else set()
        found: list[str] = []
        for path in importing:
            module = self.source.module(path)
            if module is None or path in taken or path == site.path:
                continue
            if start.server.kind == "worker":
                if any(
                    last_name(part) in ("task", "shared_task")
                    or last_name(getattr(part, "function", part)) in ("task", "shared_task")
                    for function in module.facts.functions
                    for part in function.decorators
                ):
                    found.append(path)
            elif PurePosixPath(path).name in _RUNNERS or _starts(module):
                found.append(path)
        return found

    def _installed_in(self, settings: str) -> list[str]:
        """The files with the start-up hooks of the applications that a Django project's settings install."""
        module = self.source.module(settings)
        steps = module.locals_of(MODULE).get("INSTALLED_APPS", ()) if module else ()
        named = [part.value for step in steps for part in children(step.value) if isinstance(part, Constant)]
        folders = [name.partition(".apps.")[0] for name in named if isinstance(name, str)]
        found = (self.evaluator.imports.resolve(settings, f"{folder}.apps") for folder in folders)
        return [path for path in found if path is not None]

    @cached_property
    def _candidates_by_import(self) -> dict[str, list[str]]:
        """The files that may start something, by each file that they import."""
        found: dict[str, list[str]] = {}
        for path in self._candidates:
            if not is_test(path) and self.source.module(path) is not None:
                for imported in self.modules.imports_of(path, wide=False):
                    found.setdefault(imported, []).append(path)
        return found

    def _run_modules(self, strict: tuple[str, ...], roots: list[str], start: Start, site: Site) -> tuple[Event, ...]:
        walker = Walker(self.evaluator, main=site.path)
        script = start.server.framework == "streamlit"
        importers = self.modules.importers(strict)
        for path in strict:
            if script and path in roots:
                continue
            walker.main = path if path in roots else site.path
            trail = (Spot(site.path, site.line, "the service starts here"),)
            way = self.modules.import_spot(path, importers.get(path, ()))
            walker.visit(self.evaluator.frame(path, MODULE), State("module"), (*trail, *way))
        return tuple(walker.events)

    def _run(self, hook: Hook, moment: str, main: str) -> tuple[Event, ...]:
        walker = Walker(self.evaluator, main=main)
        spot = Spot(
            hook.frame.path, hook.function.line, f"{'runs at start-up' if moment == 'startup' else 'answers'}: {hook.name}"
        )
        reload = moment == "per-request" and _is_reload(hook)
        state = State("lazy" if reload else moment, loop=hook.loop, stream=hook.stream, kept=reload)  # type: ignore[arg-type]
        outer = hook.frame.parent
        value = FunctionValue(hook.frame.path, hook.frame.index, outer, hook.frame.itself)
        walker.wrapped(value, state, (spot,))
        walker.visit(hook.frame, walker.decorated(value, hook.frame, state), (spot,))
        return tuple(walker.events)

    def _page(self, start: Start, page: Site, site: Site) -> HandlerRun:
        """A page that runs from top to bottom for each visitor: the script that is started, or another that it shows."""
        walker = Walker(self.evaluator, main=page.path)
        frame = self.evaluator.frame(page.path, MODULE)
        state = State("per-request", stream=start.server.stream)
        walker.visit(frame, state, (Spot(page.path, page.line, "runs for each visitor"),))
        module = self.source.module(page.path)
        assert module is not None
        name = "page" if page.path == site.path else f"page {PurePosixPath(page.path).stem}"
        return HandlerRun(Hook(name, frame, module.function(MODULE), loop=False), tuple(walker.events))

    def _factory(self, start: Start, site: Site) -> tuple[Event, ...]:
        """What the function that makes the application does besides."""
        walker = Walker(self.evaluator, main=site.path)
        frame = self.evaluator.free_frame(start.site.path, start.function)
        walker.visit(frame, State("startup"), (Spot(start.site.path, start.site.line, "the application is made here"),))
        return tuple(walker.events)

    def _root(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        while folder and f"{folder}/__init__.py" in self._known:
            folder = folder.rpartition("/")[0]
        return folder


_ROUTES = frozenset(("include_router", "register_blueprint"))
_RUNNERS = frozenset(
    (
        "wsgi.py",
        "asgi.py",
        "run.py",
        "main.py",
        "app.py",
        "manage.py",
        "server.py",
        "serve.py",
        "start.py",
        "application.py",
        "__main__.py",
    )
)


def _starts(module: Module) -> bool:
    """Whether a file that imports an application is what is run: it has a program of its own, or gives it its routes."""
    gives = (last_name(call.function) for index, _, call in module.calls() if index == MODULE)
    return any(block.kind == "main" for block in module.function(MODULE).blocks) or not _ROUTES.isdisjoint(gives)


def _is_flow(start: Start) -> bool:
    """Whether a scheduler's framework makes it: most such flows have nothing to do with models."""
    return start.server.kind == "batch" and bool(start.server.framework)


def _is_reload(hook: Hook) -> bool:
    """A route that is there to load: that it loads is no surprise. What runs before every request is no such route."""
    if any(last_name(part) in ("before_request", "before_app_request") for part in hook.function.decorators):
        return False
    words = f"{hook.name} {hook.function.name}".lower().replace("/", "_").replace(" ", "_").split("_")
    return not {
        "load",
        "reload",
        "init",
        "initialize",
        "warmup",
        "switch",
        "unload",
        "refresh",
        "preload",
        "activate",
        "promote",
        "deploy",
        "swap",
        "register",
    }.isdisjoint(words)


def _id(path: str, start: Start) -> str:
    name = path.removesuffix(".py")
    if start.holder is not None and start.server.framework in ("ray serve", "bentoml"):
        return f"{name}:{start.holder.index}"
    return name
