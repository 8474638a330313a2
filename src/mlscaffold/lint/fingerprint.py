"""A finding's identity: what it is about, never where it stands, so that edits elsewhere in a file do not change it."""

import hashlib

from mlscaffold.lint.finding import Finding


def fingerprint(finding: Finding) -> str:
    """16 hexadecimal digits of the rule, the deployable and the models or handlers concerned."""
    parts = (finding.code, finding.service, finding.primary.path, *finding.subjects)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:16]
