"""A runbook's Job as it is sent to the API server, and what it is told of its record (pure)."""

import hashlib
import json
import math
from datetime import datetime, timedelta
from typing import Any

from homeostat.act.operations import operation_id
from homeostat.contracts.actions.job import EnvVar, JobAction, JobTemplate, RootFilesystem
from homeostat.contracts.common import API_VERSION, GROUP, parse_duration
from homeostat.contracts.operations import Operation, OperationKind, TargetIdentity
from homeostat.contracts.steps import Step
from homeostat.flow.resources import Body, StoredRecord

CONTAINER = "runbook"
RECORD_VARIABLE = "HOMEOSTAT_RECORD"
OPERATION_ANNOTATION = f"{GROUP}/operation"
RECORD_UID_ANNOTATION = f"{GROUP}/record-uid"
RECORD_LABEL = f"{GROUP}/record"

KEPT_AFTER_ITS_END = timedelta(days=1)
"""How long a Job stands after its end, so that its log can be read; it goes earlier only with its record."""

LARGEST_INPUT = 16 * 1024
"""Bytes of JSON that a runbook is told."""

_TEMPORARY_SPACE = "64Mi"
_LONGEST_STEP_IN_NAME = 40
_DIGEST_LENGTH = 10


def job_action(step: Step) -> JobAction:
    """The action of a step that runs a job.

    Raises:
        ValueError: it does something else.
    """
    if step.action.job is None:
        raise ValueError(f"step {step.name} runs no job")
    return step.action.job


def template_digest(template: JobTemplate) -> str:
    """Tells two templates apart, so that an approval of one is none of another."""
    text = json.dumps(template.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def job_name(target: TargetIdentity, step: str, attempt: int, kind: OperationKind, number: int, at: datetime) -> str:
    """The name of one operation's Job: a DNS label, the same whenever it is worked out."""
    operation = operation_id(step, attempt, kind, number)
    moment = at.isoformat(timespec="milliseconds")
    digest = hashlib.sha256(f"{target.uid}/{operation}/{moment}".encode()).hexdigest()[:_DIGEST_LENGTH]
    undo = "" if kind is OperationKind.APPLY else f"{kind.value.lower()}-"
    return f"{step[:_LONGEST_STEP_IN_NAME].rstrip('-')}-{undo}{digest}"


def is_of(job: Body, record_uid: str, operation: str) -> bool:
    """Whether a Job was made for this very operation."""
    annotations = job["metadata"].get("annotations") or {}
    return (annotations.get(OPERATION_ANNOTATION), annotations.get(RECORD_UID_ANNOTATION)) == (operation, record_uid)


def job_of(template: JobTemplate, record: StoredRecord, operation: Operation, name: str) -> dict[str, Any]:
    """The Job of an operation, told of its record and gone with it."""
    job = bare_job(template, record.namespace, record_input(record, operation))
    job["metadata"] |= {
        "name": name,
        "labels": {RECORD_LABEL: record.name},
        "annotations": {OPERATION_ANNOTATION: operation.id, RECORD_UID_ANNOTATION: record.uid},
        "ownerReferences": [{"apiVersion": API_VERSION, "kind": "Remediation", "name": record.name, "uid": record.uid}],
    }
    job["spec"]["template"]["metadata"] = {"labels": {RECORD_LABEL: record.name}}
    return job


def bare_job(template: JobTemplate, namespace: str, told: str) -> dict[str, Any]:
    """A Job without a name: under the restricted profile of the Pod Security Standards whatever the template says."""
    account = template.service_account_name
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"namespace": namespace},
        "spec": {
            "backoffLimit": template.backoff_limit,
            "activeDeadlineSeconds": math.ceil(parse_duration(template.active_deadline).total_seconds()),
            "ttlSecondsAfterFinished": int(KEPT_AFTER_ITS_END.total_seconds()),
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": account is not None,
                    **({"serviceAccountName": account} if account else {}),
                    "securityContext": {
                        "runAsNonRoot": True,
                        "seccompProfile": {"type": "RuntimeDefault"},
                        **({"runAsUser": template.run_as_user} if template.run_as_user else {}),
                    },
                    "containers": [_container(template, told)],
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": _TEMPORARY_SPACE}}],
                }
            },
        },
    }


def _container(template: JobTemplate, told: str) -> dict[str, Any]:
    amounts = {"cpu": template.cpu, "memory": template.memory}
    return {
        "name": CONTAINER,
        "image": template.image,
        **({"command": template.command} if template.command else {}),
        **({"args": template.args} if template.args else {}),
        "env": [{"name": RECORD_VARIABLE, "value": told}, *(_variable(variable) for variable in template.env)],
        "resources": {"requests": amounts, "limits": amounts},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": template.root_filesystem is RootFilesystem.READ_ONLY,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of the pod's own
    }


def _variable(variable: EnvVar) -> dict[str, Any]:
    given = variable.model_dump(by_alias=True, exclude_none=True)
    name = given.pop("name")
    return {"name": name, **(given if "value" in given else {"valueFrom": given})}


def record_input(record: StoredRecord, operation: Operation) -> str:
    """What the runbook is told, as JSON; evidence is left out, the least important (last) first, until it fits."""
    told = _told(record, operation)
    evidence = [
        {"name": e.name, "cause": e.cause, "says": e.says, "message": e.message, "value": e.value}
        for e in record.record.spec.evidence
    ]
    kept = len(evidence)
    while True:
        text = _json({**told, "evidence": evidence[:kept], "evidenceLeftOut": len(evidence) - kept})
        if len(text.encode()) <= LARGEST_INPUT or kept == 0:
            return text
        kept -= 1


def _told(record: StoredRecord, operation: Operation) -> dict[str, Any]:
    spec, status = record.record.spec, record.record.status
    plan = status.plan or spec.plan
    is_undo = operation.kind is not OperationKind.APPLY
    return {
        "record": {"namespace": record.namespace, "name": record.name, "uid": record.uid},
        "operation": {
            "id": operation.id,
            "kind": operation.kind,
            "takesBack": operation.before.removeprefix("Job/") if is_undo else "",
        },
        "intent": {"name": spec.intent.name, "uid": spec.intent.uid},
        "policy": {"name": spec.policy.name, "uid": spec.policy.uid},
        "trigger": {"name": spec.trigger.name, "expectation": spec.trigger.expectation},
        "target": operation.target.model_dump(mode="json", by_alias=True),
        "plan": {
            "step": operation.step,
            "attempt": operation.attempt,
            "description": plan.description if plan else "",
            "risk": plan.risk if plan else "",
        },
        "why": spec.why,
        "diagnosis": spec.diagnosis.summary,
        "causes": [{"name": c.name, "score": c.score, "supported": c.supported} for c in spec.diagnosis.causes],
    }


def _json(told: dict[str, Any]) -> str:
    """JSON without a dollar sign: the kubelet would take ``$(NAME)`` for another variable, perhaps a secret one."""
    return json.dumps(told, separators=(",", ":")).replace("$", "\\u0024")
