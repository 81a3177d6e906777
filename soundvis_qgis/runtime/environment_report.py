"""What the environment of the models holds, as findings for reports and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .findings import Finding

_ENVIRONMENT, _PACKAGES = "Environment", "Packages"


def findings_of(python: str, facts: Mapping[str, Any]) -> list[Finding]:
    """Findings of a stamp, or of what a self-check found."""
    build = f"CUDA {facts['cuda']}" if facts.get("cuda") else "without CUDA"
    findings = [
        Finding(_ENVIRONMENT, "Python", True, f"{python} ({facts.get('python', '?')})"),
        Finding(
            _ENVIRONMENT, "Models run on", True, f"{facts.get('device') or 'nothing'}; torch is built {build}"
        ),
    ]
    if facts.get("date"):
        made = f"{facts['date']} by SoundVis {facts.get('soundvis', '?')} with {facts.get('tool', '?')}"
        lock = f"{facts.get('compute', '?')} build, lock {facts.get('digest', '?')}"
        findings.append(Finding(_ENVIRONMENT, "Made", True, f"{made}; {lock}"))
    for name, version in facts.get("versions", {}).items():
        findings.append(Finding(_PACKAGES, name, bool(version), version or "not installed"))
    return findings
