"""Syntax that is newer than the running Python, put into the words of an older one. Lines stay where they are.

LibCST parses it (its grammar is its own), which costs a hundred times a plain parse: only files that fail otherwise come here.
"""

from __future__ import annotations

import re

_HINTS = rb"(?m)^\s*type\s+\w+|^\s*(async\s+)?(def|class)\s+\w+\s*\["


def lowered(source: bytes) -> bytes | None:
    """The source without type parameters and `type` statements (PEP 695); None where that is not what is new in it."""
    if not re.search(_HINTS, source):
        return None
    import libcst as cst

    class Lower(cst.CSTTransformer):
        def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:  # noqa: N802, ARG002
            return updated_node.with_changes(type_parameters=None)

        def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:  # noqa: N802, ARG002
            return updated_node.with_changes(type_parameters=None)

        def leave_TypeAlias(self, original_node: cst.TypeAlias, updated_node: cst.TypeAlias) -> cst.Assign:  # noqa: N802, ARG002
            return cst.Assign(targets=[cst.AssignTarget(updated_node.name)], value=updated_node.value)

    try:
        return cst.parse_module(source).visit(Lower()).bytes
    except (cst.ParserSyntaxError, ValueError, RecursionError):
        return None
