"""Rules: one `.py` and one `.md` each, found in a folder, loaded by path. Nothing is registered by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from mlscaffold.errors import ConfigInvalid, RuleInvalid
from mlscaffold.light import TYPE_CHECKING, cast, dataclass
from mlscaffold.lint.finding import Finding, Severity
from mlscaffold.lint.suppress import Outcome

if TYPE_CHECKING:
    from mlscaffold.lint.config import Options
    from mlscaffold.lint.project import Project

    Check = Callable[[Project], Iterator[Finding]]
    Review = Callable[[Outcome], Iterator[Finding]]


def nothing(_: object) -> Iterator[Finding]:
    """What a rule finds where it has nothing to look at: most look at the project, a few at what comments did to the findings."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `check` looks at the project, `review` at what suppressing comments did. A `preview` rule speaks only
    when asked; one `without_models` speaks of services that hold no model, too."""

    code: str
    name: str
    summary: str
    severity: Severity
    preview: bool
    without_models: bool
    page: Path
    check: Check
    review: Review

    def answers_to(self, word: str) -> bool:
        """Whether a code, a prefix of a code or a name means this rule."""
        return word == self.name or (bool(word) and self.code.startswith(word.upper()))


def load_rules(folders: Iterable[Path]) -> tuple[Rule, ...]:
    """The rules of the folders, by code.

    Raises:
        RuleInvalid: a module that fails, a missing page or a code that is taken.
    """
    found: dict[str, Rule] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if path.name.startswith("_") or "catalog" in path.parts:
                continue
            rule = _load(path)
            if rule.code in found and found[rule.code].page != rule.page:
                raise RuleInvalid(f"{path}: the code {rule.code} is taken by {found[rule.code].page.with_suffix('.py')}")
            found[rule.code] = rule
    return tuple(found[code] for code in sorted(found))


def chosen(rules: Iterable[Rule], options: Options) -> tuple[Rule, ...]:
    """The rules that run: those selected (out of preview, unless asked for), less those ignored."""
    rules = tuple(rules)
    for word in (*options.select, *options.ignore):
        if not any(rule.answers_to(word) for rule in rules):
            known = ", ".join(rule.code for rule in rules)
            raise ConfigInvalid(f"{word!r} is no rule: expected a code, a prefix of one or a name of: {known}")
    wanted = [
        rule
        for rule in rules
        if (any(rule.answers_to(word) for word in options.select) if options.select else options.preview or not rule.preview)
    ]
    return tuple(rule for rule in wanted if not any(rule.answers_to(word) for word in options.ignore))


def _load(path: Path) -> Rule:
    page = path.with_suffix(".md")
    if not page.is_file():
        raise RuleInvalid(f"{path}: has no page; write {page.name} beside it")
    name = f"mlscaffold_rule_{path.parent.name}_{path.stem}_{abs(hash(str(path.absolute()))):x}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses in the rule look their module up here
    try:
        SourceFileLoader(name, str(path)).exec_module(module)
        return Rule(
            code=str(module.CODE),
            name=str(module.NAME),
            summary=(module.__doc__ or "").strip().partition("\n")[0],
            severity=cast("Severity", module.SEVERITY),
            preview=bool(getattr(module, "PREVIEW", False)),
            without_models=bool(getattr(module, "WITHOUT_MODELS", False)),
            page=page,
            check=cast("Check", getattr(module, "check", nothing)),
            review=cast("Review", getattr(module, "review", nothing)),
        )
    except RuleInvalid:
        raise
    except Exception as error:
        raise RuleInvalid(f"{path}: {type(error).__name__}: {error}") from error
