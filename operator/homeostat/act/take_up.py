"""How a workload comes to run by a changed configuration: planning the restart, the reload or the annotation."""

from datetime import datetime

from homeostat.act.annotate import annotate_operation
from homeostat.act.instance_restarts import instance_restarts
from homeostat.act.operations import intend
from homeostat.act.preflight import version_of
from homeostat.act.refusals import RefusedError
from homeostat.act.restart import cannot_restart, restart_operation
from homeostat.cluster.identity import identity_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind
from homeostat.contracts.target import ConfigReload, Target
from homeostat.flow.ports import Cluster
from homeostat.flow.resources import Body

_VERBS = {ConfigReload.RESTART: "restart", ConfigReload.HOT: "reload", ConfigReload.ANNOTATION: "annotate"}


def words_for(target: Target) -> str:
    """What is done to the workload, as the end of a sentence."""
    return f"{_VERBS[target.config_reload]} {target.ref.kind}/{target.ref.name}"


def refuse_unless_taken_up(workload: Body, target: Target) -> None:
    """Refuse a workload that would not take a change up.

    Raises:
        RefusedError: with what to do about it.
    """
    match target.config_reload:
        case ConfigReload.HOT if target.hot_reload is None:
            message = f"target {target.name} has configReload Hot but no hotReload: say where its pods reload"
            raise RefusedError("HotReloadNotDescribed", message)
        case ConfigReload.ANNOTATION if target.reload_annotation is None:
            message = (
                f"target {target.name} has configReload Annotation but no reloadAnnotation: name the annotation that "
                "its controller watches"
            )
            raise RefusedError("ReloadAnnotationNotNamed", message)
        case ConfigReload.RESTART if obstacle := cannot_restart(workload):
            raise RefusedError("NotRestartable", obstacle)


async def take_up_operations(
    cluster: Cluster, namespace: str, edit: Operation, target: Target, workload: Body, at: datetime
) -> tuple[Operation, ...]:
    """What follows an edit, by which the workload takes it up."""
    if target.config_reload is ConfigReload.RESTART:
        evicted = await instance_restarts(
            cluster, namespace, workload, target, step=edit.step, attempt=edit.attempt, kind=edit.kind, first=2, at=at
        )
        if evicted:
            return evicted
    return (_take_up(edit, target, workload, at),)


def _take_up(edit: Operation, target: Target, workload: Body, at: datetime) -> Operation:
    match target.config_reload:
        case ConfigReload.RESTART:
            return restart_operation(
                edit.step,
                edit.attempt,
                OperationKind.APPLY,
                2,
                workload=workload,
                identity=identity_of(workload),
                at=at,
                digest_before=edit.digest_before,
                digest_intended=edit.digest_intended,
            )
        case ConfigReload.ANNOTATION:
            return annotate_operation(edit, 2, workload=workload, annotation=target.reload_annotation or "", at=at)
        case ConfigReload.HOT:
            return intend(
                step=edit.step,
                attempt=edit.attempt,
                kind=OperationKind.APPLY,
                number=2,
                action=OperationAction.HOT_RELOAD,
                target=identity_of(workload),
                resource_version=version_of(workload),
                field=edit.field.partition("]")[0] + "]",
                before="",
                intended="",
                digest_before=edit.digest_before,
                digest_intended=edit.digest_intended,
                at=at,
            )
