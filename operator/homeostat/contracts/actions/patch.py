"""The action ``patch``."""

import math
import re
from datetime import date
from typing import Annotated, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import ObjectRef, Resource, cel, map_list

Scalar = str | int | float | bool
"""What a field can be given; never null, which a merge patch takes for removal."""

_NAME = r"([^/~\[\]\s]|~[01])+"
_SELECTOR = rf"\[[-A-Za-z0-9_.]+={_NAME}\]"
_PATH = rf"^(/({_NAME}|{_SELECTOR}))+$"
_ROOTS = re.compile(r"/spec/.+|/metadata/annotations/[^/]+")
_TEMPLATES = re.compile(r"/spec/(template|jobTemplate)(/.*)?")
_TOOLS_ANNOTATION = re.compile(
    r"/metadata/annotations/(argocd\.argoproj\.io|([^/]+\.)?toolkit\.fluxcd\.io|([^/]+\.)?helm\.sh|homeostat\.dev"
    r"|kubectl\.kubernetes\.io)~1.*"
)

_NO_SCALAR = r"null|Null|NULL|~|[\[{#&*!|>].*"

GUARDED_GROUPS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "events.k8s.io",
    "homeostat.dev",
    "rbac.authorization.k8s.io",
)
"""Groups of which nothing is patched: they decide who may do what, and what the API server accepts."""

PATCHED_KINDS = {"v1": ("Service",), "apps/v1": ("DaemonSet", "Deployment", "StatefulSet")}
"""Of these groups only these kinds are patched; the others hold data, secrets or pods."""

AUTOSCALER_BOUNDS = {
    ("autoscaling", "HorizontalPodAutoscaler"): ("/spec/minReplicas", "/spec/maxReplicas"),
    ("keda.sh", "ScaledObject"): ("/spec/minReplicaCount", "/spec/maxReplicaCount"),
}
"""Smallest and largest number of replicas that an autoscaler may choose, by its group and kind."""

_OTHER_ROOT = "path begins with /spec/ or is /metadata/annotations/NAME: nothing else is patched"
_TEMPLATE = "a pod template decides what runs and with which rights: use reconfigure or another action for it"
_REPLICAS = "replicas are set by the action scale, which knows their bounds"
_ANNOTATION = "an annotation of the tool that manages the object is left to that tool"
_VALUE = "value is one scalar as YAML text, such as 500, true or 'text'; null, a list or a map cannot be written"
_GROUP = "objects of this group decide who may do what, and are never patched"
_KIND = "of this kind nothing is patched: of v1 only Service, of apps/v1 only DaemonSet, Deployment and StatefulSet"


def _quoted(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


def group_of(api_version: str) -> str:
    """The group of a group version; empty for the core group."""
    return api_version.rpartition("/")[0]


class PatchedField(Resource):
    """One field and the value that it is to have."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(f"self.path.matches(r'^({_ROOTS.pattern})$')", _OTHER_ROOT, fieldPath=".path"),
                cel(f"!self.path.matches(r'^{_TEMPLATES.pattern}$')", _TEMPLATE, fieldPath=".path"),
                cel(f"!self.path.matches(r'^{_TOOLS_ANNOTATION.pattern}$')", _ANNOTATION, fieldPath=".path"),
                cel(f"!self.value.trim().matches(r'^({_NO_SCALAR})?$')", _VALUE, fieldPath=".value"),
            ]
        }
    )

    path: Annotated[
        str,
        Field(
            pattern=_PATH,
            max_length=253,
            description="JSON Pointer to a scalar below spec, or to an annotation. An item of a list is named by its "
            "index, or by one of its fields: /spec/rules/0/backendRefs/[name=v2]/weight, "
            "/spec/http/0/route/[destination.subset=v2]/weight.",
        ),
    ]
    value: Annotated[
        str, Field(min_length=1, max_length=512, description="The scalar as YAML text: 500, true, 'text'.")
    ]

    @field_validator("path")
    @classmethod
    def _may_be_patched(cls, path: str) -> str:
        if not _ROOTS.fullmatch(path):
            raise ValueError(_OTHER_ROOT)
        if _TEMPLATES.fullmatch(path):
            raise ValueError(_TEMPLATE)
        if _TOOLS_ANNOTATION.fullmatch(path):
            raise ValueError(_ANNOTATION)
        return path

    @field_validator("value")
    @classmethod
    def _one_scalar(cls, text: str) -> str:
        read_scalar(text)
        return text

    @property
    def scalar(self) -> Scalar:
        """The value as JSON has it; an annotation is text, whatever it looks like."""
        value = read_scalar(self.value)
        if self.path.startswith("/metadata/") and not isinstance(value, str):
            return self.value.strip()
        return value


def read_scalar(text: str) -> Scalar:
    """Read a scalar of YAML 1.2; a date stays the text that it is.

    Raises:
        ValueError: it is none, or one that JSON does not have.
    """
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(_VALUE) from error
    if isinstance(value, date):
        return text.strip()
    if not isinstance(value, str | int | float | bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(_VALUE)
    return value


class PatchAction(ActionSpec):
    """Give named fields of one object in the same namespace new values, on behalf of the target."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"!(self.ref.apiVersion.split('/')[0] in {_quoted(GUARDED_GROUPS)})",
                    _GROUP,
                    fieldPath=".ref.apiVersion",
                ),
                *(
                    cel(
                        f"self.ref.apiVersion != '{version}' || self.ref.kind in {_quoted(kinds)}",
                        _KIND,
                        fieldPath=".ref.kind",
                    )
                    for version, kinds in PATCHED_KINDS.items()
                ),
                cel(
                    "self.ref.apiVersion != 'apps/v1' || self.fields.all(f, f.path != '/spec/replicas')",
                    _REPLICAS,
                    fieldPath=".fields",
                ),
            ]
        }
    )

    ref: Annotated[
        ObjectRef, Field(description="The object that is changed; its kind is one that lives in namespaces.")
    ]
    changes: Annotated[
        list[PatchedField],
        Field(
            alias="fields",
            min_length=1,
            max_length=8,
            description="What it is to say; changed in one write.",
            json_schema_extra=map_list("path"),
        ),
    ]

    @model_validator(mode="after")
    def _may_be_patched(self) -> Self:
        if group_of(self.ref.api_version) in GUARDED_GROUPS:
            raise ValueError(_GROUP)
        if self.ref.kind not in PATCHED_KINDS.get(self.ref.api_version, (self.ref.kind,)):
            raise ValueError(_KIND)
        paths = [field.path for field in self.changes]
        if self.ref.api_version == "apps/v1" and "/spec/replicas" in paths:
            raise ValueError(_REPLICAS)
        if len(set(paths)) < len(paths):
            raise ValueError("a field is named twice")
        return self

    @property
    def default_risk(self) -> Risk:
        """High, because it reaches beyond the target.

        The bounds of an autoscaler do not, for one that scales something else is refused. But what it makes of them
        cannot be foreseen, and fewer replicas can drop work: Medium.
        """
        bounds = AUTOSCALER_BOUNDS.get((group_of(self.ref.api_version), self.ref.kind), ())
        return Risk.MEDIUM if all(field.path in bounds for field in self.changes) else Risk.HIGH

    @property
    def reversal(self) -> Reversal:
        """The values before can be written again."""
        return Reversal.POSSIBLE
