"""Waiting until the cluster serves the custom resources: kopf would never notice kinds that are installed later."""

import asyncio
import logging

from homeostat.contracts.common import API_VERSION
from homeostat.flow.ports import Cluster, KubernetesError
from homeostat.intake.catalog import KINDS

log = logging.getLogger(__name__)

_TRIES_APART = 2.0


async def wait_for_kinds(cluster: Cluster) -> None:
    """Return once every kind can be listed; says what is missing, each time it changes."""
    said = ""
    while True:
        missing = await _missing(cluster)
        if not missing:
            return
        if missing != said:
            log.error("waiting: %s", missing)
            said = missing
        await asyncio.sleep(_TRIES_APART)


async def _missing(cluster: Cluster) -> str:
    for kind in (*KINDS, "Remediation"):
        try:
            await cluster.list(API_VERSION, kind, "")
        except KubernetesError as error:
            return f"{kind} cannot be listed; install the CRDs and grant list and watch on them ({error})"
    return ""
