"""The pods that a changed pod template ends, so that they are drained before it is written."""

from homeostat.act.pods import running_pods
from homeostat.act.refusals import RefusedError
from homeostat.contracts.operations import MOST_ENDED
from homeostat.contracts.target import Target
from homeostat.flow.ports import Cluster
from homeostat.flow.resources import Body


async def ended_by_rollout(cluster: Cluster, namespace: str, workload: Body, target: Target) -> tuple[str, ...]:
    """Names of the pods that run; of many without sessions, of which none is drained, the first.

    Raises:
        RefusedError: TooManyPods, for there are more with sessions than one operation can drain.
    """
    names = tuple(str(pod["metadata"]["name"]) for pod in await running_pods(cluster, namespace, workload))
    if target.sessions is not None and len(names) > MOST_ENDED:
        raise RefusedError(
            "TooManyPods",
            f"a rollout of {workload['kind']}/{workload['metadata']['name']} ends {len(names)} pods with sessions, and "
            f"{MOST_ENDED} are the most that are drained for one act: roll it out by hand, part by part",
        )
    return names[:MOST_ENDED]
