"""The workloads that carry a service: how they are scaled, how they take up configuration, how they drain."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from .common import (
    DecimalText,
    Duration,
    Name,
    ObjectRef,
    PromQL,
    Resource,
    cel,
)


class ConfigReload(StrEnum):
    """How a workload takes up a changed ConfigMap."""

    RESTART = "Restart"
    HOT = "Hot"
    ANNOTATION = "Annotation"


class HotReload(Resource):
    """The HTTP calls by which each pod takes up, and reports, its configuration; made through the API server."""

    port: Annotated[int, Field(ge=1, le=65535, description="Port of the pod.")]
    reload_path: Annotated[
        str,
        Field(default="/-/reload", pattern=r"^/[^\s?#]*$", max_length=200, description="POST here makes it reload."),
    ]
    digest_path: Annotated[
        str,
        Field(
            default="/-/config-digest",
            pattern=r"^/[^\s?#]*$",
            max_length=200,
            description="GET here answers the SHA-256, in hexadecimal, of the text of the key in force.",
        ),
    ]


class Scalability(StrEnum):
    """In which way the capacity of a workload may be changed."""

    REPLICAS = "Replicas"
    INSTANCE = "Instance"
    NONE = "None"


class Sessions(Resource):
    """The work in progress that an instance must not be ended in, and when it counts as over.

    Both queries are asked about named pods: ``$pods`` is filled with a regular expression of their names.
    """

    query: Annotated[
        PromQL, Field(description="PromQL for the work in progress on $pods, such as calls, dialogs or PDU sessions.")
    ]
    drained: Annotated[DecimalText, Field(default="0", description="Largest value that counts as drained.")]
    registrations: Annotated[
        PromQL | None,
        Field(
            default=None,
            description="PromQL for what the instances hold together, such as registrations. After an instance was "
            "ended, the next one waits until the ready ones hold as much as before.",
        ),
    ]
    patience: Annotated[
        Duration,
        Field(default="10m", description="Longest wait for an instance to drain; after it nothing more is ended."),
    ]


class Target(Resource):
    """A workload that carries the service."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.configReload != 'Hot' || has(self.hotReload)",
                    "configReload Hot needs hotReload: the port and the paths by which a pod reloads and reports",
                ),
                cel(
                    "self.configReload != 'Annotation' || has(self.reloadAnnotation)",
                    "configReload Annotation needs reloadAnnotation: the annotation that the workload's controller "
                    "watches",
                ),
                cel(
                    "!has(self.reloadAnnotation) || "
                    "!self.reloadAnnotation.matches('^([^/]*[.])?(kubernetes[.]io|k8s[.]io|homeostat[.]dev)/')",
                    "reloadAnnotation is for a controller of the workload: those of Kubernetes and Homeostat are not",
                    fieldPath=".reloadAnnotation",
                ),
            ]
        }
    )

    name: Annotated[Name, Field(description="Name by which policies refer to this target.")]
    ref: Annotated[ObjectRef, Field(description="The workload: any kind that selects pods, in the same namespace.")]
    failure_domain: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
            max_length=63,
            description="Zone, site or cluster that it fails with; without it, the label topology.kubernetes.io/zone "
            "of the workload, else of its pods.",
        ),
    ]
    scalability: Annotated[
        Scalability,
        Field(
            default=Scalability.REPLICAS,
            description="Replicas: replicas may be added and removed. Instance: each replica is an instance of its "
            "own, so a change always asks a person. None: the number is never changed.",
        ),
    ]
    sessions: Annotated[
        Sessions | None,
        Field(
            default=None,
            description="Work that must be over before an instance is ended, whatever ends it. With it instances are "
            "ended one at a time.",
        ),
    ]
    config_reload: Annotated[
        ConfigReload,
        Field(
            default=ConfigReload.RESTART,
            description="How the workload takes up a changed ConfigMap: by a rolling restart, a call to its pods, or "
            "an annotation that its own controller watches.",
        ),
    ]
    hot_reload: Annotated[
        HotReload | None, Field(default=None, description="Where a pod reloads and reports; for configReload Hot.")
    ]
    reload_annotation: Annotated[
        str | None,
        Field(
            default=None,
            pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
            max_length=317,
            description="Annotation of the workload itself that its controller watches, such as a reloader or a "
            "vendor's operator: it gets the SHA-256 of the key's new text; for configReload Annotation.",
        ),
    ]
