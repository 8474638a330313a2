"""`rules/catalog/*.yaml`, compiled: what a call means, asked by its dotted name.

Reading YAML costs 50 ms, more than a whole run: the parsed form is kept, as bytecode is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from mlscaffold.errors import RuleInvalid
from mlscaffold.light import Generic, TypeVar, cast, dataclass
from mlscaffold.lint.service import ModelKind, Weight
from mlscaffold.store import compiled

_Raw = Mapping[str, object]
Entry = TypeVar("Entry")
Place = int | str  # a position or a keyword of a call


@dataclass(frozen=True, slots=True)
class LoadEntry:
    """A call that brings a model into the process; the fields are explained at the top of `loaders.yaml`."""

    framework: str
    role: str
    kind: ModelKind
    kinds: tuple[tuple[str, ModelKind], ...]
    weight: Weight
    identity: tuple[Place, ...]
    task: tuple[Place, ...]
    constructor: tuple[str, ...]
    several: bool
    helper: bool
    helpers: tuple[str, ...]
    partly: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """Something that answers requests. `plain` is where a plain `def` handler runs: "loop", "pool" or "thread"."""

    framework: str
    kind: str
    plain: str
    stream: bool
    setup: tuple[str, ...]
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SizeEntry:
    """A published size: millions of parameters or megabytes of weights. `match` is a regular expression, `literals` are texts
    of which one is in every name that it finds (empty: unknown)."""

    match: str
    literals: tuple[str, ...]
    parameters: float | None
    megabytes: float | None
    source: str


class Names(Generic[Entry]):
    """Patterns of dotted names -> entries; an exact name wins over a pattern, then the first pattern that fits."""

    def __init__(self) -> None:
        self._exact: dict[str, Entry] = {}
        # By the first part of the name, where the pattern says it in full, else under "": few patterns are left to be tried.
        self._wild: dict[str, list[tuple[int, str, Entry]]] = {}
        self._of_any: list[tuple[str, Entry]] = []
        self._added = 0
        self._asked: dict[str, Entry | None] = {}

    def add(self, patterns: Iterable[str], entry: Entry) -> None:
        for pattern in patterns:
            if "*" not in pattern:
                self._exact.setdefault(pattern, entry)
                continue
            top, dot, _ = pattern.partition(".")
            if top.startswith("*") and top.endswith("*"):  # it names no library: `*.from_pretrained`, `*whisper*.load_model`
                self._of_any.append((pattern, entry))
                continue
            self._added += 1
            self._wild.setdefault(top if dot and "*" not in top else "", []).append((self._added, pattern, entry))

    def patterns(self) -> Iterator[tuple[str, Entry]]:
        """Every name and pattern with its entry."""
        yield from self._exact.items()
        yield from ((pattern, entry) for group in self._wild.values() for _, pattern, entry in group)
        yield from self._of_any

    def called(self, name: str) -> Entry | None:
        """As `get`, or else what a call of that name means in any library (`*.from_pretrained`)."""
        return self.get(name) or next((entry for pattern, entry in self._of_any if fits(name, pattern)), None)

    def get(self, name: str) -> Entry | None:
        if name not in self._asked:
            self._asked[name] = self._exact[name] if name in self._exact else self._first(name)
        return self._asked[name]

    def _first(self, name: str) -> Entry | None:
        tried = sorted((*self._wild.get(name.partition(".")[0], ()), *self._wild.get("", ())), key=itemgetter(0))
        return next((entry for _, pattern, entry in tried if fits(name, pattern)), None)


def fits(name: str, pattern: str) -> bool:
    """Whether a name is what the pattern says, `*` standing for any text."""
    first, *middle, last = pattern.split("*")
    if not (name.startswith(first) and name.endswith(last) and len(name) >= len(first) + len(last)):
        return False
    rest = name[len(first) : len(name) - len(last)]
    for part in middle:
        _, found, rest = rest.partition(part) if part else ("", "*", rest)
        if not found:
            return False
    return True


class Catalog:
    """All that the machine knows of the world outside the repository."""

    def __init__(self, folders: Sequence[Path], extra: Sequence[Path] = ()) -> None:
        own = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
        raw = [*zip(own, compiled("catalog", own, _parse), strict=True)]
        raw += [(path, _parse(path, path.read_bytes())) for path in extra]
        self.loads: Names[LoadEntry] = Names()
        self.load_names: tuple[str, ...] = ()
        self.constructors: Names[ServerEntry] = Names()
        self.routers: Names[ServerEntry] = Names()
        self.bases: Names[ServerEntry] = Names()
        self.decorators: Names[ServerEntry] = Names()
        self.urls: Names[ServerEntry] = Names()
        self.scripts: dict[str, ServerEntry] = {}
        self.classes: dict[str, ServerEntry] = {}
        self.hooks: list[tuple[tuple[str, ...], ServerEntry]] = []
        self.signatures: list[tuple[tuple[str, ...], ServerEntry]] = []
        self.routes: Names[str] = Names()
        self.route_names: set[str] = set()  # the last parts of what `routes` names
        self.meanings: Names[str] = Names()
        self.methods: dict[str, str] = {}
        self.trainable: Names[bool] = Names()
        self.steppers: Names[bool] = Names()
        self.predicts: Names[LoadEntry] = Names()
        self.clients: Names[bool] = Names()
        self.process_words: tuple[str, ...] = ()
        self.sizes: list[SizeEntry] = []
        for path, content in raw:
            self._add(path.name, content)

    def is_load(self, name: str) -> bool:
        """Whether a call of that full name brings a model in."""
        return self.loads.called(name) is not None

    def may_load(self, name: str) -> bool:
        """Whether the last part of a call's name is that of some load."""
        plain, patterns = self._last_names
        return name in plain or (bool(name) and any(fits(name, pattern) for pattern in patterns))

    @cached_property
    def _last_names(self) -> tuple[frozenset[str], tuple[str, ...]]:
        lasts = {word.rpartition(".")[2] for word in self.load_names}
        plain = frozenset(word for word in lasts if "*" not in word)
        return plain, tuple(sorted(lasts - plain))

    @cached_property
    def libraries(self) -> frozenset[str]:
        """The top names of the libraries that load models."""
        return frozenset(word.partition(".")[0] for word in self.load_names) - {"*", "models"}

    def _add(self, name: str, content: object) -> None:
        try:
            if name.startswith("size"):
                self._sizes(cast("list[_Raw]", content))
            elif name.startswith("server"):
                self._servers(cast("list[_Raw]", content))
            elif name.startswith("call"):
                self._calls(cast("dict[str, _Raw]", content))
            else:
                self._loads(cast("list[_Raw]", content))
        except (KeyError, TypeError, AttributeError, re.error) as error:
            raise RuleInvalid(f"catalogue file {name}: {type(error).__name__}: {error}") from error

    def _loads(self, content: list[_Raw]) -> None:
        for framework in content:
            for group in cast("list[_Raw]", framework["groups"]):
                self.load_names += _words(group["calls"])
                self.loads.add(_words(group["calls"]), _load_entry(framework, group))

    def _servers(self, content: list[_Raw]) -> None:
        for raw in content:
            entry = ServerEntry(
                framework=str(raw["framework"]),
                kind=str(raw["kind"]),
                plain=str(raw.get("plain", "thread")),
                stream=bool(raw.get("stream", False)),
                setup=_words(raw.get("setup", ())),
                answer=_words(raw.get("answer", ())),
            )
            self.constructors.add(_words(raw.get("application", ())), entry)
            self.routers.add(_words(raw.get("router", ())), entry)
            for meaning in ("route", "start"):
                self.routes.add(_words(raw.get(meaning, ())), meaning)
                self.route_names.update(word.rpartition(".")[2] for word in _words(raw.get(meaning, ())))
            self.bases.add(_words(raw.get("base", ())), entry)
            self.decorators.add(_words(raw.get("decorator", ())), entry)
            self.urls.add(_words(raw.get("urls", ())), entry)
            self.scripts.update((word, entry) for word in _words(raw.get("script", ())))
            self.classes.update((word, entry) for word in _words(raw.get("class", ())))
            if raw.get("functions"):
                self.hooks.append((_words(raw["functions"]), entry))
            if raw.get("signature"):
                self.signatures.append((_words(raw["signature"]), entry))

    def _calls(self, content: dict[str, _Raw]) -> None:
        for meaning, raw in content.items():
            self.meanings.add(_words(raw.get("calls", ())), meaning)
            self.methods.update((method, meaning) for method in _words(raw.get("methods", ())))
            # What never counts is asked first: an exact name or an earlier pattern wins.
            self.trainable.add(_words(raw.get("never", ())), entry=False)
            self.trainable.add(_words(raw.get("objects", ())), entry=True)
            self.steppers.add(_words(raw.get("steps", ())), entry=True)
            self.clients.add(_words(raw.get("clients", ())), entry=True)
            self.process_words += _words(raw.get("words", ()))
            for group in cast("list[_Raw]", raw.get("groups", ())):
                self.predicts.add(_words(group["calls"]), _load_entry(group, group))

    def _sizes(self, content: list[_Raw]) -> None:
        for raw in content:
            parameters, megabytes = cast("float | None", raw.get("parameters")), cast("float | None", raw.get("megabytes"))
            match = str(raw["match"])
            self.sizes.append(SizeEntry(match, _words(raw["literals"]), parameters, megabytes, str(raw["source"])))

    def size_of(self, name: str) -> SizeEntry | None:
        """The published size of an id or a file's name."""
        lowered = name.lower()
        return next((entry for entry in self.sizes if _is_named(entry, lowered)), None)


def _is_named(entry: SizeEntry, lowered: str) -> bool:
    # A compiled expression costs 0.1 ms, and there are a hundred: only those are compiled that may fit.
    if entry.literals and not any(literal in lowered for literal in entry.literals):
        return False
    return re.search(entry.match, lowered) is not None


def literals_of(expression: str) -> tuple[str, ...]:
    """Texts of which at least one stands in whatever the expression finds; () where that is not plain to see."""
    found: list[str] = []
    for branch in _branches(expression):
        # What is in brackets, or may be missing (`?`, `*`, `{`), is not certain; nor are the signs of the language itself.
        certain = re.sub(_UNCERTAIN, "\0", _without_groups(branch))
        longest = max(certain.split("\0"), key=len)
        if len(longest) < 2:
            return ()
        found.append(longest)
    return tuple(found)


def _branches(expression: str) -> list[str]:
    """The alternatives of an expression, outside of groups."""
    depth, parts = 0, [""]
    for sign in expression:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _without_groups(branch: str) -> str:
    depth, kept = 0, ""
    for sign in branch:
        depth += sign == "("
        kept += sign if not depth else ""
        if sign == ")":
            depth -= 1
            kept += "" if depth else ")"
    return kept


_UNCERTAIN = r"\[[^\]]*\]|\\.|.[?*]|.\{[^}]*\}|[^a-z0-9_-]"


def _load_entry(framework: _Raw, group: _Raw) -> LoadEntry:
    return LoadEntry(
        framework=str(framework["framework"]),
        role=str(group.get("role", "model")),
        kind=cast("ModelKind", group.get("kind", "network")),
        kinds=tuple(cast("dict[str, ModelKind]", group.get("kinds", {})).items()),
        weight=cast("Weight", group.get("weight", "")),
        identity=_places(group.get("identity", framework.get("identity", ()))),
        task=_places(group.get("task", ())),
        constructor=_words(group.get("constructor", ())),
        several=bool(group.get("several", False)),
        helper=bool(group.get("helper", False)),
        helpers=_words(group.get("helpers", ())),
        partly=_words(group.get("partly", ())),
        source=str(framework.get("source", "")),
    )


def _words(raw: object) -> tuple[str, ...]:
    return tuple(str(word) for word in cast("Iterable[object]", raw))


def _places(raw: object) -> tuple[Place, ...]:
    return tuple(cast("Iterable[Place]", raw))


def _parse(path: Path, content: bytes) -> object:
    import yaml  # 50 ms: only when a catalogue changed

    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise RuleInvalid(f"{path}: cannot be read as YAML: {error}") from error
    return _with_literals(found) if path.name.startswith("size") and isinstance(found, list) else found


def _with_literals(entries: list[object]) -> list[object]:
    """Sizes with the texts that `literals_of` finds: looking for them costs a millisecond, so they are kept with the rest."""
    return [{**raw, "literals": literals_of(str(raw.get("match")))} if isinstance(raw, dict) else raw for raw in entries]
