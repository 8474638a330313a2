"""YAML as a tree whose nodes know their lines. An alias is the node it names, never a copy: a bomb stays as small as its text."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import dataclass, field

MOST_NODES = 50_000
DEEPEST = 60


class UnreadableYaml(ValueError):
    """The text is no YAML that can be read; `str(error)` is the reason."""


@dataclass(slots=True)
class Node:
    """A scalar (its text), a mapping or a sequence; what it is not is empty. `line` counts from 1."""

    line: int
    text: str = ""
    pairs: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)

    def at(self, *names: str) -> Node | None:
        """The node under these keys."""
        node: Node | None = self
        for name in names:
            node = node.pairs.get(name) if node is not None else None
        return node

    def said(self, *names: str) -> str:
        """The text under these keys, "" where there is none."""
        node = self.at(*names)
        return node.text if node is not None else ""

    def listed(self, *names: str) -> list[Node]:
        """The items under these keys."""
        node = self.at(*names)
        return node.items if node is not None else []


def documents(content: bytes) -> list[Node]:
    """The documents of a file.

    Raises:
        UnreadableYaml: a template, no YAML, too large or nested too deeply.
    """
    if b"{{" in content:
        raise UnreadableYaml("is a template ({{ }}): its values are not known")
    import yaml  # 20 ms: only where there are deploy files in YAML

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(_documents(yaml.parse(content, Loader=loader)))
    except (yaml.YAMLError, UnicodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place else ""
        raise UnreadableYaml(f"is no YAML{where}: {getattr(error, 'problem', None) or 'cannot be decoded'}") from error


def _documents(events: Iterator[object]) -> Iterator[Node]:
    stack: list[tuple[Node, str]] = []  # the open collections, each with the anchor it gets
    keys: list[str | None] = []  # the key that waits for its value, for each open mapping
    anchors: dict[str, Node] = {}
    count = 0
    for event in events:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            anchors.clear()
            continue
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            node, anchor = stack.pop()
            keys.pop()
            if anchor:  # named only when it is whole: an alias inside itself has no bottom
                anchors[anchor] = node
        elif kind == "AliasEvent":
            node = anchors.get(event.anchor) or Node(_line(event))  # type: ignore[attr-defined]
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(stack) >= DEEPEST:
                raise UnreadableYaml("is nested too deeply")
            stack.append((Node(_line(event)), event.anchor or ""))  # type: ignore[attr-defined]
            keys.append(None if kind == "MappingStartEvent" else _IN_SEQUENCE)
            continue
        elif kind == "ScalarEvent":
            node = Node(_line(event), event.value)  # type: ignore[attr-defined]
            if event.anchor:  # type: ignore[attr-defined]
                anchors[event.anchor] = node  # type: ignore[attr-defined]
        else:
            continue
        count += 1
        if count > MOST_NODES:
            raise UnreadableYaml(f"has more than {MOST_NODES:,} values")
        if not stack:
            yield node
            continue
        _put(stack[-1][0], keys, node)


_IN_SEQUENCE = "\0"


def _put(holder: Node, keys: list[str | None], node: Node) -> None:
    key = keys[-1]
    if key == _IN_SEQUENCE:
        holder.items.append(node)
    elif key is None:
        keys[-1] = node.text
    else:
        keys[-1] = None
        if key != "<<":
            holder.pairs[key] = node
            return
        for merged in node.items or [node]:
            for name, value in list(merged.pairs.items())[:500]:
                holder.pairs.setdefault(name, value)


def _line(event: object) -> int:
    return int(event.start_mark.line) + 1  # type: ignore[attr-defined]
