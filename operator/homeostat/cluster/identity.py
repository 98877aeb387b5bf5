"""Which very object a body is."""

from homeostat.contracts.operations import TargetIdentity
from homeostat.flow.resources import Body


def identity_of(body: Body) -> TargetIdentity:
    """Identity of an object as the API server gave it; a body without a uid has none and raises KeyError."""
    metadata = body["metadata"]
    return TargetIdentity(api_version=body["apiVersion"], kind=body["kind"], name=metadata["name"], uid=metadata["uid"])
