"""Known findings, so that a check can be switched on in an old project and fail only on what is new.

The file counts semantic fingerprints (rule, deployable, models, handlers; never lines). It only ever shrinks: what is mended
leaves it for good, and a new finding is never added to an existing file.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mlscaffold.errors import ConfigInvalid
from mlscaffold.light import dataclass
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.fingerprint import fingerprint

SCHEMA = "mlscaffold-baseline/1"


@dataclass(frozen=True, slots=True)
class Split:
    """Findings that are new, and those that the baseline knows."""

    fresh: tuple[Finding, ...]
    known: tuple[Finding, ...]


def read(path: Path) -> Counter[str]:
    """How often each fingerprint is known.

    Raises:
        ConfigInvalid: not readable, or not a baseline.
    """
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA:
            raise KeyError(data["schema"])
        return Counter({entry["fingerprint"]: int(entry["count"]) for entry in data["findings"]})
    except OSError as error:
        raise ConfigInvalid(f"{path}: cannot be read: {error.strerror}; write one with --write-baseline") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigInvalid(f"{path}: is no baseline of schema {SCHEMA}; write one with --write-baseline") from error


def split(findings: Iterable[Finding], known: Counter[str]) -> Split:
    """Each known fingerprint covers as many findings as it was counted; one more of them is new."""
    left = Counter(known)
    fresh: list[Finding] = []
    covered: list[Finding] = []
    for finding in findings:
        key = fingerprint(finding)
        (covered if left[key] > 0 else fresh).append(finding)
        left[key] -= 1
    return Split(tuple(fresh), tuple(covered))


def content(findings: Iterable[Finding], known: Counter[str] | None) -> str:
    """The file's text: all findings where there is no file yet, else only what is known and still there."""
    counts: Counter[str] = Counter()
    described: dict[str, Finding] = {}
    for finding in findings:
        key = fingerprint(finding)
        if known is not None and counts[key] >= known[key]:
            continue
        counts[key] += 1
        described.setdefault(key, finding)
    entries = [
        {
            "fingerprint": key,
            "count": counts[key],
            "code": finding.code,
            "service": finding.service,
            "path": finding.primary.path,
            "message": finding.message,
        }
        for key, finding in described.items()
    ]
    entries.sort(key=lambda entry: (str(entry["code"]), str(entry["path"]), str(entry["fingerprint"])))
    return json.dumps({"schema": SCHEMA, "findings": entries}, indent=1) + "\n"
