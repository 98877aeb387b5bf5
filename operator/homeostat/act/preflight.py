"""The last look before an effect: is it still the very object, and still as it was planned for?"""

from homeostat.contracts.operations import Operation, TargetIdentity
from homeostat.flow.ports import Cluster, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body


def describe(identity: TargetIdentity) -> str:
    """The object as it is named in sentences."""
    return f"{identity.kind}/{identity.name}"


async def read_same(cluster: Cluster, namespace: str, identity: TargetIdentity, subresource: str = "") -> Body:
    """Read the object, or a subresource that carries its uid, from the API server itself.

    Raises:
        PlanStaleError: it is gone, or another one stands under its name.
        KubernetesError: it could not be read.
    """
    try:
        body = await cluster.get(identity.api_version, identity.kind, namespace, identity.name, subresource)
    except NotFoundError as error:
        raise PlanStaleError(f"{describe(identity)} is gone ({error.message})") from error
    if body["metadata"].get("uid") != identity.uid:
        raise PlanStaleError(
            f"{describe(identity)} was deleted and created anew since the plan was made; this one is left alone"
        )
    return body


def version_of(body: Body) -> str:
    """The resourceVersion that a write on the strength of this read must carry."""
    return str(body["metadata"]["resourceVersion"])


def untouched_since(body: Body, operation: Operation) -> bool:
    """Whether the object surely has not changed at all since the operation was recorded."""
    return bool(operation.resource_version) and version_of(body) == operation.resource_version
