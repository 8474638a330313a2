"""What one Python file says, without judgement: the values that the project is joined from.

Facts carry no path: they belong to a content, so that the cache can hand them out by the content's hash.
"""

from __future__ import annotations

from mlscaffold.light import Literal, NamedTuple, dataclass
from mlscaffold.lint.syntax import Expr

MODULE = 0  # the index of the module's own body among its functions

StepKind = Literal["assign", "expr", "return", "yield", "for", "with", "import", "break"]
BlockKind = Literal["if", "match", "try", "for", "while", "with", "main", "typing"]


class Block(NamedTuple):
    """A compound statement. `test` is what it asks, iterates, opens or catches (the handlers' exceptions, in their order)."""

    kind: BlockKind
    test: Expr
    line: int


class Step(NamedTuple):
    """One statement. `context` names the enclosing blocks, outermost first, each with the arm taken (0 = body)."""

    kind: StepKind
    target: Expr | None
    value: Expr
    line: int
    context: tuple[tuple[int, int], ...]
    annotation: Expr | None = None


class Import(NamedTuple):
    """One imported name. `name` is "" for `import module`, "*" for a star; `function` is where it stands."""

    module: str
    name: str
    alias: str
    level: int
    line: int
    function: int
    context: tuple[tuple[int, int], ...]


class Parameter(NamedTuple):
    """One parameter of a function; `star` is "", "*" or "**"."""

    name: str
    default: Expr | None
    annotation: Expr | None
    star: str = ""


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A function, lambda, class body or the module's body. `parent` is the function that encloses it (-1: none)."""

    name: str
    line: int
    column: int
    is_async: bool
    is_generator: bool
    parent: int
    owner: int
    parameters: tuple[Parameter, ...]
    decorators: tuple[Expr, ...]
    steps: tuple[Step, ...]
    blocks: tuple[Block, ...]
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """A class. `body` is the index of its body among the functions; `methods` name -> function index."""

    name: str
    line: int
    parent: int
    body: int
    bases: tuple[Expr, ...]
    decorators: tuple[Expr, ...]
    methods: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One parsed file. `functions[0]` is the module's body."""

    functions: tuple[FunctionFacts, ...]
    classes: tuple[ClassFacts, ...]
    imports: tuple[Import, ...]
