"""Constants that live outside Python: Dockerfile ENV, compose `environment`, `.env`, and YAML, JSON, INI or TOML that
code reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from mlscaffold.lint.project.values import Items, Known, Site, Value, Values

_READERS = ("yaml.", "json.load", "tomllib.load", "toml.load", "tomli.load", "omegaconf.OmegaConf.load", "ruamel.yaml", "box.Box")
_ENV = rb"(?m)^(?:ENV|ARG|export|\s*-)?\s*([A-Z][A-Z0-9_]{2,})\s*[=:]\s*[\"']?([^\s\"'#]*)"
_ENV_SPACE = rb"(?m)^ENV\s+([A-Z][A-Z0-9_]{2,})\s+[\"']?([^\s\"'=]+)"
_DEEPEST = 12


class Settings:
    """What the repository's configuration files say. `read` gives a file's bytes, or None."""

    def __init__(self, config: Iterable[str], read: Callable[[str], bytes | None]) -> None:
        self._config = tuple(config)
        self._read = read
        self._environment: dict[str, Known] | None = None
        self._here: dict[str, Known] = {}
        self._parsed: dict[str, Values] = {}

    def enter(self, environment: Iterable[tuple[str, str]]) -> None:
        """Turn to a deployable: what its own deploy files set goes before what others of the repository do."""
        self._here = {name: Known(value, soft=True) for name, value in environment if value and "$" not in value}

    def variable(self, name: str) -> Values:
        """What a Dockerfile, a compose file or `.env` sets a variable to; () where nothing or nothing constant is set."""
        if self._environment is None:
            self._environment = self._collected()
        known = self._environment.get(name) or self._environment.get(name.upper())
        own = self._here.get(name) or self._here.get(name.upper())
        return (known,) if known and own in (known, None) else (own,) if own else ()

    def _collected(self) -> dict[str, Known]:
        found: dict[str, Known] = {}
        for path in self._config:
            last = PurePosixPath(path).name.lower()
            if "dockerfile" not in last and "compose" not in last and last not in (".env", ".env.example", ".env.sample"):
                continue
            content = self._read(path) or b""
            for pattern in (_ENV, _ENV_SPACE):
                for match in re.finditer(pattern, content):
                    name, text = match[1].decode(), match[2].decode(errors="replace")
                    if text and "$" not in text and name not in found:
                        found[name] = Known(text, soft=True, origin=Site(path, content.count(b"\n", 0, match.start(1)) + 1))
        return found

    def words(self) -> frozenset[str]:
        """Every word of the configuration files that may name a module: the first of a dotted name, no part of a path."""
        texts = (self._read(path) or b"" for path in self._config)
        return frozenset(word.decode() for text in texts for word in re.findall(rb"(?<![\w./@+-])[A-Za-z_]\w*(?![\w/@+-])", text))

    def read(self, function: str, paths: tuple[str, ...], importer: str) -> Values:
        """What `yaml.safe_load(open(path))` and its like give, as far as the file is in the repository."""
        if not function.startswith(_READERS) or not paths:
            return ()
        path = self._located(paths[0], importer)
        if path is None:
            return ()
        if path not in self._parsed:
            self._parsed[path] = self._parse(path)
        return self._parsed[path]

    def ini(self, name: str, importer: str) -> Values:
        """The sections of an INI file, or of the example that a repository ships in its place."""
        places = (self._located(f"{name}{ending}", importer) for ending in ("", ".example", ".sample", ".dist", ".template"))
        path = next((found for found in places if found), None)
        if path is None:
            return ()
        if path not in self._parsed:
            self._parsed[path] = self._sections(path)
        return self._parsed[path]

    def _sections(self, path: str) -> Values:
        import configparser

        content = self._read(path) or b""
        parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(content.decode("utf-8-sig", errors="replace"))
        except configparser.Error:
            return ()
        return (_value({name: dict(parser[name]) for name in parser.sections()}, _Text(path, content)),)

    def _located(self, name: str, importer: str) -> str | None:
        wanted = name.replace("*", "").lstrip("./")
        if not wanted:
            return None
        fitting = [path for path in self._config if path == wanted or path.endswith("/" + wanted)]
        near = importer.rpartition("/")[0]
        fitting.sort(key=lambda path: (not path.startswith(near), len(path), path))
        return fitting[0] if fitting else None

    def _parse(self, path: str) -> Values:
        content = self._read(path)
        if content is None:
            return ()
        try:
            if path.endswith(".json"):
                import json

                return (_value(json.loads(content), _Text(path, content)),)
            if path.endswith(".toml"):
                import tomllib

                return (_value(tomllib.loads(content.decode()), _Text(path, content)),)
            if path.endswith((".yaml", ".yml")):
                return (_value(_yaml(content), _Text(path, content)),)
        except (ValueError, RecursionError, UnicodeError):
            return ()
        return ()


def _yaml(content: bytes) -> object:
    import yaml  # only where code of the repository reads YAML

    try:
        if b"&" in content and content.count(b"*") > 50:
            return None  # anchors by the dozen: a bomb rather than a configuration
        return yaml.safe_load(content)
    except yaml.YAMLError:
        return None


class _Text:
    """The lines of a configuration file, to say where a value is written."""

    def __init__(self, path: str, content: bytes) -> None:
        self._path = path
        self._lines = content.decode(errors="replace").splitlines()

    def site(self, key: object, value: object) -> Site | None:
        """The first line with that key and value; None where they stand on lines of their own."""
        words = (str(key), str(value))
        line = next((place for place, text in enumerate(self._lines, 1) if all(word in text for word in words)), None)
        return Site(self._path, line) if line else None


def _value(raw: object, text: _Text, key: object = "", depth: int = 0) -> Value:
    if isinstance(raw, dict) and depth < _DEEPEST:
        pairs = [
            (name if isinstance(name, str | int) else None, (_value(value, text, name, depth + 1),))
            for name, value in list(raw.items())[:200]
        ]
        return Items(tuple(pairs))
    if isinstance(raw, list) and depth < _DEEPEST:
        return Items(tuple((place, (_value(value, text, "", depth + 1),)) for place, value in enumerate(raw[:200])))
    if isinstance(raw, str) and raw:
        return Known(raw, soft=True, origin=text.site(key, raw))
    return Known(raw if isinstance(raw, str | int | float | bool) else None, soft=True)
