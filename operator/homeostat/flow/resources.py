"""Resources in force, and stored objects as last read or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.contracts.autonomy_ceiling import AutonomyCeilingSpec
from homeostat.contracts.maintenance_window import MaintenanceWindowSpec
from homeostat.contracts.remediation import Remediation
from homeostat.contracts.remediation_policy import RemediationPolicySpec
from homeostat.contracts.service_intent import ServiceIntentSpec, ServiceIntentStatus
from homeostat.contracts.telemetry_source import TelemetrySourceSpec


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a resource is not in force: one word, a sentence that says what to do, and the field at fault."""

    reason: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identity of a stored object that a compiled resource came from."""

    namespace: str
    name: str
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class CompiledIntent:
    """An intent in force."""

    stamp: Stamp
    labels: Mapping[str, str]
    spec: ServiceIntentSpec


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy in force; ``hash`` is the SHA-256 of its spec."""

    stamp: Stamp
    spec: RemediationPolicySpec
    hash: str


@dataclass(frozen=True, slots=True)
class CompiledSource:
    """A telemetry source in force."""

    stamp: Stamp
    spec: TelemetrySourceSpec


@dataclass(frozen=True, slots=True)
class CompiledWindow:
    """Planned work in force."""

    stamp: Stamp
    spec: MaintenanceWindowSpec


@dataclass(frozen=True, slots=True)
class CompiledCeiling:
    """The autonomy ceiling in force."""

    stamp: Stamp
    spec: AutonomyCeilingSpec


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A Remediation as last read or written, with what a conditional write needs."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    record: Remediation


@dataclass(frozen=True, slots=True)
class StoredIntentStatus:
    """The status of an intent as last read or written."""

    resource_version: str
    status: ServiceIntentStatus


Body = Mapping[str, Any]
"""A Kubernetes object as the API server gave it."""
