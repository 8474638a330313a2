"""Load events -> the models of a deployable: which are one model, which are parts or preprocessors, how big they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mlscaffold.light import replace
from mlscaffold.lint.project.deployable import Load, Role, earlier
from mlscaffold.lint.project.events import APPLIED, ONE_PLACE, Event, Spot
from mlscaffold.lint.project.roles import models, prepares
from mlscaffold.lint.project.values import ModelValue, Site
from mlscaffold.lint.service import Moment

_PREDICTS = frozenset(
    "predict predict_proba predict_log_proba decision_function forecast __call__ forward score_samples kneighbors "
    "recommend get_forecast eval load_state_dict transcribe generate run".split()
)
_ONLY_TRANSFORMS = frozenset("transform inverse_transform fit_transform texts_to_sequences get_feature_names_out encode".split())

_OF_A_TENSOR = frozenset(
    "chunk mean std split unsqueeze squeeze numpy reshape view repeat expand permute transpose tolist".split()
)

MOST_WAYS = 12  # that a finding shows


def gather(events: Iterable[Event]) -> tuple[Load, ...]:
    """The loads among the events, each once, in the order of happening."""
    events = tuple(events)
    used: dict[Site, dict[tuple[str, ...], set[str]]] = defaultdict(lambda: defaultdict(set))
    for event in events:
        if event.kind in ("predict", "train", "weights") and event.model is not None:
            used[event.model.site][event.model.names].add(event.name)
    grouped: dict[tuple[Site, tuple[str, ...]], list[Event]] = {}
    inside = frozenset(site for event in events for site in event.parts)
    for event in events:
        if event.kind == "load" and event.model is not None:
            named = event.model.names or event.variant
            grouped.setdefault((event.model.site, named), []).append(event)
    loads = [_load(found, _uses(used[site], found[0].model)) for (site, _), found in grouped.items()]
    loads = [replace(load, role="part") if load.role == "model" and load.model.site in inside else load for load in loads]
    return tuple(_placed(_unmixed(_wrapped(loads, events))))


def _uses(used: Mapping[tuple[str, ...], set[str]], model: ModelValue | None) -> frozenset[str]:
    """What is asked of a model; where nobody knows which of those that one call loads it is, what is asked of any."""
    if model is None or not model.names:
        return frozenset().union(*used.values())
    return frozenset().union(
        *(asked for names, asked in used.items() if not set(names).isdisjoint(model.names) or _is_any(names))
    )


def _is_any(names: tuple[str, ...]) -> bool:
    return not names or any("*" in name for name in names)


def _wrapped(loads: list[Load], events: Iterable[Event]) -> list[Load]:
    """A pipeline around a model that was loaded before is that model: it takes its names and its place."""
    parts = sorted(loads, key=lambda load: bool(load.model.names))  # where a name is known on one way only, it counts
    inner = {load.model.site: load for load in parts if load.role == "part" and load.model.role == "model"}
    around = {event.model.site: event.parts for event in events if event.kind == "load" and event.model and event.parts}
    found = []
    for load in loads:
        mine = sorted(around.get(load.model.site, ()), key=lambda site: (site.path, site.line, site.column))
        held = next((inner[site] for site in mine if site in inner and site != load.model.site), None)
        if (
            held is not None
            and load.role == "model"
            and not [name for name in load.model.names if not name.startswith("pipeline:")]
        ):
            kind = load.model.kind if load.model.kind != "nlp" else held.model.kind
            model = replace(load.model, names=held.model.names, kind=kind)
            load = replace(load, model=model, site=held.site, name=held.name, state=held.state, moment=held.moment)
        found.append(load)
    return found


def _load(events: list[Event], used: frozenset[str]) -> Load:
    first = events[0]
    model = first.model
    assert model is not None
    moment = first.state.moment
    for event in events:
        moment = earlier(moment, _moment(event))
    asked = [event for event in events if _is_asked_for(event)]
    return Load(
        model=replace(model, by_request=bool(asked)),
        site=model.site,
        role=_role(model, first, used),
        moment=moment,
        name=name_of(model),
        state=first.state,
        trail=first.trail,
        used=used,
        variant=first.variant,
        replaced=bool(asked) and all(map(_replaces, asked)),
        call=first.site if first.site != model.site else None,
        trails=tuple(dict.fromkeys(event.trail for event in events[1:] if event.trail != first.trail))[:MOST_WAYS],
    )


def _is_asked_for(event: Event) -> bool:
    """Whether a request names the model."""
    return event.state.keyed or (event.model is not None and event.model.by_request)


def _replaces(event: Event) -> bool:
    """Whether what is loaded takes the place of what was loaded before."""
    return event.state.swaps or (ONE_PLACE in event.state.words and not event.state.keyed)


def _moment(event: Event) -> Moment:
    if event.state.moment == "per-request" and event.state.kept:
        return "lazy"
    return event.state.moment


def _role(model: ModelValue, event: Event, used: frozenset[str]) -> Role:
    if used and used <= _OF_A_TENSOR and model.framework == "torch":
        return "part"  # a tensor that lies in a file: a voice, an average
    if used == {APPLIED}:
        return "part"  # a function that comes with a model and runs it
    if any("vocoder" in word.lower() for word in (*event.state.words[-1:], *model.names)):
        return "part"  # of what speaks
    if model.role != "unknown":
        return model.role
    if "<weights>" in event.state.words or used & _PREDICTS:
        return "model"
    files = [name.rpartition("/")[2] for name in model.names]
    if used & _ONLY_TRANSFORMS and not any(models(file) and not prepares(file) for file in files):
        return "preprocessor"  # else a bundle: what transforms is one of the things in it
    words = [
        *(word for word in reversed(event.state.words) if not word.startswith("<")),
        *files,
    ]
    for word in [*words[-len(model.names) :], *words] if model.names else words:
        if prepares(word):
            return "preprocessor"
        if models(word):
            return "model"
    return "unknown"


def name_of(model: ModelValue) -> str:
    """What a finding calls a model: its file, its id, or its framework."""
    named = next((name for name in model.names if name.strip("*/{}. ")), "")
    return named.rpartition("/")[2] if "." in named.rpartition("/")[2] else named or model.framework


def _unmixed(loads: list[Load]) -> list[Load]:
    """One entry per site and name; a site with a name drops the entries of it that have none, and keeps what they told."""
    named = {load.site for load in loads if load.model.names}
    asked = {load.site: load for load in loads if load.model.by_request and load.state.keyed and not load.model.names}
    found = []
    for load in loads:
        other = asked.get(load.site)
        if load.model.names and other is not None and not load.model.by_request:  # a first one by its name, others as asked
            load = replace(load, model=replace(load.model, by_request=True), replaced=other.replaced)
        if load.model.names or load.site not in named:
            found.append(load)
    return found


def _placed(loads: list[Load]) -> list[Load]:
    """A helper that is called for several models: each is placed where the helper is called, or what calls it, for it alone.

    A report lists what the helper itself keeps where it is loaded: whoever asks again gets what is there.
    """
    per_site: dict[Site, set[tuple[str, ...]]] = defaultdict(set)
    helpers: dict[tuple[str, int], set[tuple[str, ...]]] = defaultdict(set)
    for load in loads:
        if load.role == "model":
            per_site[load.site].add(load.model.names or load.variant)
        if load.role == "model" and load.model.from_parameter:
            helpers[load.site.path, load.model.holder].add(load.model.names or load.variant)
    shared: dict[Site, set[Spot]] = {}
    for load in loads:
        ways = {spot for spot in load.trail if not spot.passed}
        shared[load.inner] = shared.get(load.inner, ways) & ways
    found = []
    for load in loads:
        helped = load.model.from_parameter and len(helpers[load.site.path, load.model.holder]) > 1
        named = (helped or len(per_site[load.site]) > 1) and not load.model.by_request
        called = [spot for spot in load.trail if not spot.passed]
        if named and called:
            keeps = load.state.keeper == (load.inner.path, load.model.holder)
            chosen = next((spot for spot in reversed(called) if spot not in shared[load.inner]), called[-1])
            load = replace(load, site=Site(chosen.path, chosen.line), shown=load.site if keeps else None)
        found.append(load)
    return found
