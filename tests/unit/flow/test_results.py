"""What an operation tells of its end is written into its record, once."""

from types import SimpleNamespace
from typing import Any

from homeostat.contracts.operations import OperationAction
from homeostat.flow.execution import note_results
from homeostat.flow.ports import KubernetesError
from tests.unit.record.samples import operation


class _Runbook:
    def __init__(self, told: str | KubernetesError) -> None:
        self._told = told

    async def result(self, *_: object) -> str:
        if isinstance(self._told, KubernetesError):
            raise self._told
        return self._told


def _run(effect: object) -> Any:
    """A run as far as results need it: its registry, and what is written."""
    written: list[Any] = []

    async def write_after_effect(operations: Any) -> None:
        written.extend(operations)

    registry = SimpleNamespace(effect=lambda *_: effect)
    return SimpleNamespace(
        stages=SimpleNamespace(effects=registry),
        stored=None,
        namespace="ims",
        target_of=lambda _: None,
        replaced=lambda changed: changed,
        write_after_effect=write_after_effect,
        written=written,
    )


RAN = operation(action=OperationAction.RUN_JOB, message="")


async def test_a_result_becomes_the_message_within_its_bound():
    run = _run(_Runbook("x" * 2000))
    await note_results(run, [RAN])
    assert [o.message for o in run.written] == ["x" * 1024]


async def test_nothing_new_is_not_written():
    for told in ("", "as known"):
        run = _run(_Runbook(told))
        await note_results(run, [RAN.model_copy(update={"message": "as known"})])
        assert run.written == []


async def test_what_cannot_be_read_or_tells_nothing_is_left():
    for effect in (_Runbook(KubernetesError(0, "NoConnection", "gone")), object()):
        run = _run(effect)
        await note_results(run, [RAN])
        assert run.written == []
