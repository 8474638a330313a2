"""Bytes of a Python file -> FileFacts, with one parse by the standard library: statements here, expressions in `expressions`."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Sequence

from mlscaffold.light import cast
from mlscaffold.lint.expressions import LINES, Expressions
from mlscaffold.lint.facts import Block, BlockKind, ClassFacts, FileFacts, FunctionFacts, Import, Parameter, Step, StepKind
from mlscaffold.lint.syntax import (
    NOTHING,
    Attribute,
    Collection,
    Compare,
    Constant,
    Expr,
    Name,
    Other,
)

_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_Context = tuple[tuple[int, int], ...]


class UnreadableSource(ValueError):
    """The bytes are no Python that this version can parse; `str(error)` is the reason."""


def read_facts(source: bytes) -> FileFacts:
    """The facts of one file.

    Raises:
        UnreadableSource: a syntax error, an unknown encoding, a NUL byte, nesting beyond what the parser can hold.
    """
    try:
        try:
            tree = _parse(source)
        except SyntaxError:
            from mlscaffold.lint.newer import lowered

            older = lowered(source)
            if older is None:
                raise
            tree = _parse(older)
        return _Reader().file(tree)
    except SyntaxError as error:
        raise UnreadableSource(f"not Python {_version()}: {error.msg} (line {error.lineno or 0})") from error
    except (RecursionError, MemoryError) as error:
        raise UnreadableSource("nested too deeply") from error
    except (ValueError, UnicodeError, LookupError, OverflowError) as error:
        raise UnreadableSource(f"cannot be decoded: {error}") from error


def _parse(source: bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `"\d"` in somebody else's file is not our business
        return ast.parse(source)


def _version() -> str:
    import sys

    return f"{sys.version_info.major}.{sys.version_info.minor}"


class _Body:
    """What is being collected of one function."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.steps: list[Step] = []
        self.blocks: list[Block] = []
        self.shared: set[str] = set()


class _Reader(Expressions):
    """One pass over one tree."""

    def __init__(self) -> None:
        super().__init__()
        self.functions: list[FunctionFacts | None] = []
        self.classes: list[ClassFacts | None] = []
        self.imports: list[Import] = []
        self.body = _Body(0)
        self.context: _Context = ()
        self._contexts: dict[_Context, _Context] = {}  # most are those of other functions as well
        self.owner = -1

    def file(self, tree: ast.Module) -> FileFacts:
        self._function("<module>", tree, tree.body, parameters=(), decorators=())
        functions = tuple(found for found in self.functions if found)
        classes = tuple(found for found in self.classes if found)
        return FileFacts(functions, classes, tuple(self.imports))

    # -- functions and classes -------------------------------------------------------------------------------------

    def _function(
        self,
        name: str,
        node: ast.AST,
        body: Sequence[ast.stmt] | ast.expr,
        *,
        parameters: tuple[Parameter, ...],
        decorators: tuple[Expr, ...],
    ) -> int:
        index = len(self.functions)
        self.functions.append(None)
        outer, context, aside, parent = self.body, self.context, self.aside, self.body.index if index else -1
        self.body, self.context, self.aside = _Body(index), (), False
        if isinstance(body, ast.expr):
            self._step("return", None, self.expr(body), body.lineno)
        else:
            self._statements(body)
        done = self.body
        self.functions[index] = FunctionFacts(
            name=name,
            line=getattr(node, "lineno", 1),
            column=getattr(node, "col_offset", 0) + 1,
            is_async=isinstance(node, ast.AsyncFunctionDef),
            is_generator=any(step.kind == "yield" for step in done.steps),
            parent=parent,
            owner=self.owner,
            parameters=parameters,
            decorators=decorators,
            steps=tuple(done.steps),
            blocks=tuple(done.blocks),
            shared=tuple(sorted(done.shared)),
        )
        self.body, self.context, self.aside = outer, context, aside
        return index

    def _definition(self, node: _Definition) -> int:
        decorators = tuple(self.passing(found) for found in node.decorator_list)
        parameters = self._parameters(node.args)
        owner, self.owner = self.owner, -1 if self.body.index != self._class_body else self.owner
        index = self._function(node.name, node, node.body, parameters=parameters, decorators=decorators)
        self.owner = owner
        return index

    _class_body = -1

    def _class(self, node: ast.ClassDef) -> None:
        index = len(self.classes)
        self.classes.append(None)
        bases = tuple(self.passing(base) for base in node.bases)
        # A metaclass changes what a class is, as a decorator does.
        decorators = tuple(self.passing(found) for found in (*node.decorator_list, *(word.value for word in node.keywords)))
        owner, body_before, self.owner = self.owner, self._class_body, index
        self._class_body = len(self.functions)
        body = self._function(node.name, node, node.body, parameters=(), decorators=())
        self.owner, self._class_body = owner, body_before
        methods = tuple(
            (found.name, place)
            for place, found in enumerate(self.functions)
            if found and place != body and found.owner == index and found.parent == body
        )
        self.classes[index] = ClassFacts(node.name, node.lineno, self.body.index, body, bases, decorators, methods)

    def _inner(self, node: ast.Lambda) -> int:
        return self._function("<lambda>", node, node.body, parameters=self._parameters(node.args), decorators=())

    # -- statements ------------------------------------------------------------------------------------------------

    def _step(self, kind: StepKind, target: Expr | None, value: Expr, line: int, note: Expr | None = None) -> None:
        self.body.steps.append(Step(kind, target, value, LINES.setdefault(line, line), self.context, note))

    def _statements(self, statements: Sequence[ast.stmt]) -> None:
        before = self.context
        for statement in statements:
            read = _STATEMENTS.get(type(statement))
            if read is not None:
                read(self, statement)
        self.context = before

    def _arm(self, block: int, arm: int, statements: Sequence[ast.stmt]) -> None:
        if not statements:
            return
        before = self.context
        self._enter(block, arm)
        self._statements(statements)
        self.context = before

    def _enter(self, block: int, arm: int) -> None:
        context = (*self.context, (block, arm))
        self.context = self._contexts.setdefault(context, context)

    def _block(self, kind: BlockKind, test: Expr, line: int) -> int:
        self.body.blocks.append(Block(kind, test, LINES.setdefault(line, line)))
        return len(self.body.blocks) - 1

    def _if(self, node: ast.If) -> None:
        test = self.expr(node.test)
        block = self._block(_kind_of_if(test), test, node.lineno)
        self._step("expr", None, test, node.lineno)
        self._arm(block, 0, node.body)
        self._arm(block, 1, node.orelse)
        if not node.orelse and _leaves(node.body):
            # What follows an early return is the other arm.
            self._enter(block, 1)

    def _match(self, node: ast.Match) -> None:
        subject = self.expr(node.subject)
        block = self._block("match", subject, node.lineno)
        self._step("expr", None, subject, node.lineno)
        for arm, case in enumerate(node.cases):
            self._arm(block, arm, case.body)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        asked = isinstance(node, ast.AsyncFor) and isinstance(node.iter, ast.Call)
        iterable = self._call(node.iter, awaited=True) if asked else self.expr(node.iter)  # type: ignore[arg-type]
        self._step("for", self.passing(node.target), iterable, node.lineno)
        self._arm(self._block("for", iterable, node.lineno), 0, node.body)
        self._statements(node.orelse)

    def _while(self, node: ast.While) -> None:
        test = self.expr(node.test)
        self._step("expr", None, test, node.lineno)
        self._arm(self._block("while", test, node.lineno), 0, node.body)
        self._statements(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        items = [self.expr(item.context_expr) for item in node.items]
        for item, value in zip(node.items, items, strict=True):
            target = None if item.optional_vars is None else self.expr(item.optional_vars)
            self._step("with", target, value, node.lineno)
        self._arm(self._block("with", Other(tuple(items)), node.lineno), 0, node.body)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        caught = tuple(NOTHING if handler.type is None else self.expr(handler.type) for handler in node.handlers)
        block = self._block("try", Collection(caught), node.lineno)
        self._arm(block, 0, [*node.body, *node.orelse])
        for arm, handler in enumerate(node.handlers, 1):
            self._arm(block, arm, handler.body)
        self._statements(node.finalbody)
        if _gives(node.body):
            # What follows runs only where the body did not give what it made.
            self._enter(block, len(node.handlers) + 1)

    def _assign(self, node: ast.Assign) -> None:
        value = self.expr(node.value)
        for target in node.targets:
            self._step("assign", self.passing(target), value, node.lineno)

    def _annotated(self, node: ast.AnnAssign) -> None:
        value = NOTHING if node.value is None else self.expr(node.value)
        self._step("assign", self.passing(node.target), value, node.lineno, self._annotation(node.annotation))

    def _augmented(self, node: ast.AugAssign) -> None:
        self._step("assign", self.passing(node.target), Other((self.expr(node.value),)), node.lineno)

    def _return(self, node: ast.Return) -> None:
        self._step("return", None, NOTHING if node.value is None else self.passing(node.value), node.lineno)

    def _break(self, node: ast.Break) -> None:
        self._step("break", None, NOTHING, node.lineno)

    def _evaluate(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self._step("expr", None, self.passing(node.value), node.lineno)

    def _parts(self, node: ast.stmt) -> None:
        parts = tuple(self.passing(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
        if parts:
            self._step("expr", None, Other(parts), node.lineno)

    def _share(self, node: ast.Global | ast.Nonlocal) -> None:
        self.body.shared.update(node.names)

    def _import(self, node: ast.Import) -> None:
        for name in node.names:
            self._imported(name.name, "", name.asname or "", 0, node.lineno)

    def _import_from(self, node: ast.ImportFrom) -> None:
        for name in node.names:
            self._imported(node.module or "", name.name, name.asname or "", node.level, node.lineno)

    def _imported(self, module: str, name: str, alias: str, level: int, line: int) -> None:
        # A step of its own keeps the order: a function that is reached runs its imports.
        self._step("import", None, Constant(len(self.imports)), line)
        self.imports.append(Import(module, name, alias, level, line, self.body.index, self.context))


def _kind_of_if(test: Expr) -> BlockKind:
    if isinstance(test, Compare) and isinstance(test.left, Name) and test.left.id == "__name__":
        return "main"
    if isinstance(test, Name | Attribute) and (test.id if isinstance(test, Name) else test.name) == "TYPE_CHECKING":
        return "typing"
    return "if"


def _gives(statements: Sequence[ast.stmt]) -> bool:
    """Whether statements return what a call before made, at once or on a condition: `a = load(x)`, `if fits(a): return a`."""
    made = {
        target.id
        for statement in statements
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    inner = [*statements, *(known for statement in statements if isinstance(statement, ast.If) for known in statement.body)]
    given = [known.value for known in inner if isinstance(known, ast.Return) and known.value is not None]
    parts = [part for value in given for part in (value.elts if isinstance(value, ast.Tuple) else [value])]
    return any(isinstance(part, ast.Name) and part.id in made for part in parts)


def _leaves(statements: Sequence[ast.stmt]) -> bool:
    return bool(statements) and isinstance(statements[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


_STATEMENTS = cast(
    "dict[type[ast.stmt], Callable[[_Reader, ast.stmt], None]]",
    {
        ast.FunctionDef: _Reader._definition,
        ast.AsyncFunctionDef: _Reader._definition,
        ast.ClassDef: _Reader._class,
        ast.If: _Reader._if,
        ast.Match: _Reader._match,
        ast.For: _Reader._for,
        ast.AsyncFor: _Reader._for,
        ast.While: _Reader._while,
        ast.With: _Reader._with,
        ast.AsyncWith: _Reader._with,
        ast.Try: _Reader._try,
        ast.TryStar: _Reader._try,
        ast.Assign: _Reader._assign,
        ast.AnnAssign: _Reader._annotated,
        ast.AugAssign: _Reader._augmented,
        ast.Return: _Reader._return,
        ast.Break: _Reader._break,
        ast.Expr: _Reader._evaluate,
        ast.Raise: _Reader._parts,
        ast.Assert: _Reader._parts,
        ast.Delete: _Reader._parts,
        ast.Global: _Reader._share,
        ast.Nonlocal: _Reader._share,
        ast.Import: _Reader._import,
        ast.ImportFrom: _Reader._import_from,
    },
)
