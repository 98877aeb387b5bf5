"""What each act showed: times, calls, the explanation, the Events, and what kubectl shows."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import yaml

from e2e.acts.scene import Record, Result
from e2e.cnf.deploy import NAMESPACE
from e2e.stage import Stage
from e2e.timeline import Who

_KINDS = "serviceintents,remediationpolicies,remediations,telemetrysources,maintenancewindows"
_CONTROLLER = "homeostat.dev/operator"
_EVENTS = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"


def tell(stage: Stage, result: Result, elapsed: float) -> None:
    """Show what an act ended in, and keep its records."""
    timeline = stage.timeline
    timeline.say(Who.STAGE, f"{result.title}: {elapsed:.0f} s")
    for line in result.lines:
        timeline.say(Who.STAGE, line)
    for record in result.records:
        _keep(stage.output, record)
        timeline.say(Who.OPERATOR, f"the explanation in {record['metadata']['name']}:")
        timeline.quote("\n".join((record.get("status") or {}).get("report") or ["(no report)"]))
    if result.began is not None:
        timeline.say(Who.STAGE, "the Events of this act:")
        timeline.quote(_events(stage, result.began))
        timeline.say(Who.STAGE, f"kubectl get {_KINDS} -n {NAMESPACE}")
        timeline.quote(stage.cluster.kubectl("get", _KINDS, "-n", NAMESPACE))


def summary(stage: Stage, told: Sequence[tuple[str, str]], files: Sequence[Path]) -> None:
    """End with one line per act, and where everything lies."""
    timeline = stage.timeline
    timeline.act("What was shown")
    for title, verdict in told:
        timeline.say(Who.CHECK if verdict == "as it should" else Who.FAILED, f"{title}: {verdict}")
    for file in files:
        timeline.say(Who.STAGE, f"chart: {file}")
    timeline.say(Who.STAGE, f"timeline, records and the operator's log: {stage.output}")


def _keep(folder: Path, record: Record) -> None:
    clean = {**record, "metadata": {k: v for k, v in record["metadata"].items() if k != "managedFields"}}
    text = yaml.safe_dump(clean, sort_keys=False, allow_unicode=True, width=120)
    (folder / f"{record['metadata']['name']}.yaml").write_text(text)


def _events(stage: Stage, since: float) -> str:
    """The operator's Events since a moment, oldest first, in the columns that kubectl get events has."""
    found = [event for event in stage.api.get(_EVENTS)["items"] if event.get("reportingController") == _CONTROLLER]
    lines = [(at, event) for event in found if (at := _last(event)).timestamp() >= since]
    return "\n".join(
        f"{at:%H:%M:%S}  {event['type']:<8} {event['reason']:<21} "
        f"{event['regarding']['kind']}/{event['regarding']['name']}: {event.get('note', '')}"
        for at, event in sorted(lines, key=lambda line: line[0])
    )


def _last(event: Record) -> datetime:
    series = event.get("series") or {}
    return datetime.fromisoformat(series.get("lastObservedTime") or event["eventTime"])
