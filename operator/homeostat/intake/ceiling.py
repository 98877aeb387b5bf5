"""The autonomy ceiling as it is now, and why there is none where it is missing or cannot be read."""

import logging

from homeostat.contracts.autonomy_ceiling import CEILING_NAME
from homeostat.contracts.common import API_VERSION
from homeostat.decide.levels import CEILING_MISSING
from homeostat.flow.ports import Cluster, KubernetesError, NotFoundError
from homeostat.flow.resources import Body, CompiledCeiling, Refusal
from homeostat.intake.catalog import CEILING
from homeostat.intake.compile import compile_ceiling

log = logging.getLogger(__name__)

CEILING_UNREADABLE = "CeilingUnreadable"


class Ceilings:
    """Reads the ceiling from the API server itself: whoever acts must not rest on what a watch last said."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def read(self) -> CompiledCeiling | Refusal:
        """The ceiling now; never raises for a fault of the API server."""
        try:
            body = await self._cluster.get(API_VERSION, CEILING, "", CEILING_NAME)
        except NotFoundError:
            return ceiling_of(None)
        except KubernetesError as error:
            log.warning("the ceiling cannot be read, nothing is written until it can: %s", error)
            return _unreadable(error.message)
        return ceiling_of(body)


def ceiling_of(body: Body | None) -> CompiledCeiling | Refusal:
    """The ceiling in an object as stored; None: there is no such object."""
    if body is None:
        message = f"there is no AutonomyCeiling named {CEILING_NAME}: an administrator applies the one of the chart"
        return Refusal(CEILING_MISSING, message)
    compiled = compile_ceiling(body)
    return _unreadable(compiled.message) if isinstance(compiled, Refusal) else compiled


def _unreadable(why: str) -> Refusal:
    return Refusal(CEILING_UNREADABLE, f"AutonomyCeiling {CEILING_NAME} cannot be read ({why})")
