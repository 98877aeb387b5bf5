"""Generates the CustomResourceDefinitions from the models: ``python -m homeostat.contracts.to_crd crds/``."""

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel

from homeostat.contracts.autonomy_ceiling import CEILING_NAME, AutonomyCeiling
from homeostat.contracts.maintenance_window import MaintenanceWindow
from homeostat.contracts.remediation import Remediation
from homeostat.contracts.remediation_policy import RemediationPolicy

from .common import CATEGORY, GROUP, VERSION, cel
from .service_intent import ServiceIntent
from .structural import CrdJsonSchema, Schema, SchemaError, faults, plain, structural
from .telemetry_source import TelemetrySource

HEADER = "# Generated from operator/homeostat/contracts by `make crds`. Do not edit: the next run would undo it.\n"

_NAME_RULE = cel("self.metadata.name.size() <= 52", "the name is longer than 52 characters: records are named after it")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``; ``wide`` ones need ``-o wide``."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A custom resource: its model and how kubectl names and lists it.

    ``scope`` is Namespaced, or Cluster for what no namespace owns. A model without a status has none as a resource.
    ``mutable`` names the only fields of the spec that may change after creation; None: all may.
    """

    model: type[BaseModel]
    plural: str
    short_name: str
    columns: tuple[Column, ...]
    rules: tuple[Schema, ...] = ()
    mutable: frozenset[str] | None = None
    scope: str = "Namespaced"

    @property
    def name(self) -> str:
        """Kind as written in manifests."""
        return self.model.__name__

    @property
    def has_status(self) -> bool:
        """Whether the operator says anything of it."""
        return "status" in self.model.model_fields


def _condition(name: str, wide: bool = False) -> Column:
    return Column(name, f'.status.conditions[?(@.type=="{name}")].status', wide=wide)


_SUMMARY = Column("Summary", ".status.summary")
_AGE = Column("Age", ".metadata.creationTimestamp", "date")

KINDS = (
    Kind(
        ServiceIntent,
        "serviceintents",
        "si",
        (
            Column("Fulfilment", ".status.fulfilment"),
            _SUMMARY,
            _AGE,
            _condition("Ready", wide=True),
            Column("Telemetry", '.status.conditions[?(@.type=="TelemetryAvailable")].reason', wide=True),
            Column("Record", ".status.episode.record.name", wide=True),
        ),
        rules=(_NAME_RULE,),
    ),
    Kind(
        RemediationPolicy,
        "remediationpolicies",
        "rp",
        (
            Column("Mode", ".spec.mode"),
            Column("Intents", ".status.matchedIntents", "integer"),
            _SUMMARY,
            _AGE,
            _condition("Ready", wide=True),
            Column("Last-Not-Acted", ".status.lastNotActed.reason", wide=True),
        ),
        rules=(_NAME_RULE,),
    ),
    Kind(
        Remediation,
        "remediations",
        "rem",
        (
            Column("Intent", ".spec.intent.name"),
            Column("Phase", ".status.phase"),
            Column("Outcome", ".status.outcome"),
            _SUMMARY,
            _AGE,
            Column("Policy", ".spec.policy.name", wide=True),
            Column("Mode", ".spec.mode", wide=True),
            Column("Reason", ".status.reason", wide=True),
        ),
        mutable=frozenset({"decisions"}),
    ),
    Kind(
        TelemetrySource,
        "telemetrysources",
        "ts",
        (Column("URL", ".spec.url"), _condition("Ready"), _SUMMARY, _AGE),
    ),
    Kind(
        MaintenanceWindow,
        "maintenancewindows",
        "mw",
        (
            Column("Change", ".spec.changeId"),
            Column("From", ".spec.from"),
            Column("To", ".spec.to"),
            Column("Reason", ".spec.reason"),
            _AGE,
        ),
    ),
    Kind(
        AutonomyCeiling,
        "autonomyceilings",
        "ceiling",
        (
            Column("Mode", ".spec.mode"),
            Column("Level", ".spec.autonomyLevel", "integer"),
            Column("Stopped", ".spec.stop.reason"),
            _AGE,
        ),
        rules=(
            cel(f"self.metadata.name == '{CEILING_NAME}'", f"there is one ceiling, and its name is {CEILING_NAME}"),
        ),
        scope="Cluster",
    ),
)


def _written_once(spec: Schema, mutable: frozenset[str]) -> list[Schema]:
    """Build a transition rule per field at the level of the spec.

    A rule on an optional field itself would not fire when the field comes or goes.
    """
    required = spec["required"]
    rules = []
    for name in (name for name in spec["properties"] if name not in mutable):
        rule = f"self.{name} == oldSelf.{name}"
        if name not in required:
            rule = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || {rule})"
        message = f"{name} is written once: a record is not rewritten, only decided upon"
        rules.append(cel(rule, message, fieldPath=f".{name}", reason="FieldValueForbidden"))
    return rules


def _part(kind: Kind, name: str, *, defaults: bool) -> Schema:
    whole = kind.model.model_json_schema(by_alias=True, schema_generator=CrdJsonSchema)
    part = structural(whole["properties"][name], whole["$defs"], defaults)
    part.pop("default", None)
    wrong = list(faults(part, f"{kind.name}.{name}"))
    if wrong:
        raise SchemaError("the models are not complete:\n  " + "\n  ".join(wrong))
    return part


def custom_resource_definition(kind: Kind) -> Schema:
    """Build the CustomResourceDefinition of one kind.

    Raises:
        SchemaError: a field has no bound or no description, or says what a CRD cannot.
    """
    spec = _part(kind, "spec", defaults=True)
    if kind.mutable is not None:
        spec["x-kubernetes-validations"] = [
            *spec.get("x-kubernetes-validations", []),
            *_written_once(spec, kind.mutable),
        ]
    schema: Schema = {
        "type": "object",
        "description": plain(kind.model.__doc__ or ""),
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{kind.name}."},
            "metadata": {"type": "object"},
            "spec": spec,
        },
    }
    if kind.has_status:
        # A default in a status would be shown as if the operator had seen it.
        schema["properties"]["status"] = _part(kind, "status", defaults=False)
    if kind.rules:
        schema["x-kubernetes-validations"] = list(kind.rules)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": kind.scope,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}} if kind.has_status else {},
                    "additionalPrinterColumns": [_printed(column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def _printed(column: Column) -> Schema:
    printed: Schema = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**printed, "priority": 1} if column.wide else printed


class _Dumper(yaml.SafeDumper):
    """Writes every schema out: an anchor would make the file depend on object identity."""

    def ignore_aliases(self, *_: object) -> bool:
        return True


def to_yaml(kind: Kind) -> str:
    """Write the definition as YAML, the same text for the same models."""
    definition = custom_resource_definition(kind)
    return HEADER + yaml.dump(definition, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def main(folder: Path) -> None:
    """Write one file per kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (folder / f"{GROUP}_{kind.plural}.yaml").write_text(to_yaml(kind), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program's name and its one argument
        sys.exit("usage: python -m homeostat.contracts.to_crd FOLDER")
    main(Path(sys.argv[1]))
