"""Extensions: found by entry points, refused by name and by parameter, and walled off where they fail."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from homeostat.act import extensions
from homeostat.act.extensions import ExtensionActuator, ExtensionEffect, Extensions, installed_extensions
from homeostat.contracts.actions.kinds import Reversal, Risk
from homeostat.contracts.boundaries import Boundaries
from homeostat.contracts.operations import OperationAction, OperationKind, OperationState
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.decide.boundaries import Permission, permission, reversal_of, risk_of
from homeostat.flow.facts import NOTHING_KNOWN, Occasion, Preview, Workload
from homeostat.flow.ports import KubernetesError, PlanStaleError
from homeostat.record.kubectl import commands
from tests.unit.record.samples import AT, PCSCF, operation, plan, record, spec, stored

NOWHERE: Any = None
"""The cluster of extensions that never ask it."""

TARGET = Target.model_validate(
    {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
)
OCCASION = Occasion("ims", TARGET, Workload("pcscf", exists=True))


class Sound:
    class Parameters(BaseModel, extra="forbid"):
        rate: int

    parameters = Parameters
    risk = Risk.LOW
    reversal = Reversal.POSSIBLE

    def actuator(self, *_):
        return self

    def effect(self, *_):
        return self

    async def preview(self, *_):
        return Preview(target=PCSCF, field="rate", before="1", intended="2", description="raise the rate")

    async def operations(self, *_):
        return (operation(action=OperationAction.RESTART, state=OperationState.INTENDED),)


class Failing(Sound):
    fault: Exception = RuntimeError("boom")

    async def preview(self, *_):
        raise self.fault

    async def _fail(self, *_):
        raise self.fault

    operations = apply = happened = in_force = reverse = _fail


class OutOfReach(Failing):
    fault = KubernetesError(0, "NoConnection", "no answer")


class Wordy(Sound):
    async def preview(self, *_):
        return Preview(target=PCSCF, field="rate", before="1" * 1025, intended="2", description="raise the rate")


class Hanging(Sound):
    async def _hang(self, *_):
        await asyncio.Event().wait()

    preview = operations = apply = happened = in_force = reverse = _hang


class Posing(Sound):
    """Gives operations that are not those of the plan."""

    def __init__(self, *changes):
        self.changes = changes

    async def operations(self, *_):
        asked = operation(state=OperationState.INTENDED)
        return tuple(asked.model_copy(update=change) for change in self.changes)


USABLE: dict[str, Any] = {
    "sound": Sound(),
    "failing": Failing(),
    "remote": OutOfReach(),
    "wordy": Wordy(),
    "hanging": Hanging(),
    "other-step": Posing({"step": "restore-limit"}),
    "done-already": Posing({"state": OperationState.APPLIED}),
    "undoing": Posing({"kind": OperationKind.UNDO}),
    "same-twice": Posing({}, {}),
}
EXTENSIONS = Extensions(USABLE, {"odd": "ImportError: no odd"})


def _step(name="sound", **parameters):
    return Step.model_validate(
        {"name": "s", "action": {"extension": {"target": "pcscf", "name": name, "parameters": parameters}}}
    )


def _actuator():
    return ExtensionActuator(NOWHERE, EXTENSIONS)


def _effect():
    return ExtensionEffect(NOWHERE, EXTENSIONS, stored(record()))


def _operation(extension):
    return operation(action=OperationAction.EXTENSION, extension=extension)


@pytest.mark.parametrize(
    ("step", "reason", "said"),
    [
        (
            _step("none"),
            "UnknownExtension",
            "no extension none is installed in the operator (installed: done-already, failing",
        ),
        (_step("odd"), "UnknownExtension", "installed and cannot be used: ImportError: no odd"),
        (_step(), "InvalidParameters", "parameters.rate: Field required"),
        (_step(rate="fast"), "InvalidParameters", "parameters.rate: Input should be a valid integer"),
        (_step(rate="1", other="2"), "InvalidParameters", "parameters.other: Extra inputs"),
        (_step("failing", rate="1"), "ExtensionFailed", "RuntimeError('boom')"),
        (_step("wordy", rate="1"), "ExtensionFailed", "its before is longer than the 1024 characters"),
    ],
)
async def test_what_cannot_be_done_is_refused(step, reason, said):
    preview = await _actuator().preview(step, OCCASION)
    assert preview.refused == reason
    assert said in preview.message


async def test_an_extension_knows_its_risk_and_authors_may_raise_it():
    step = _step(rate="1")
    preview = await _actuator().preview(step, OCCASION)
    assert (risk_of(step, preview), reversal_of(step, preview)) == (Risk.LOW, Reversal.POSSIBLE)
    assert (risk_of(step), reversal_of(step)) == (Risk.HIGH, Reversal.IMPOSSIBLE)
    assert risk_of(step.model_copy(update={"risk": Risk.MEDIUM}), preview) is Risk.MEDIUM
    low = Boundaries.model_validate({"autonomous": [{"risk": "Low", "reversal": "Possible"}]})
    assert permission(low, step, NOTHING_KNOWN, preview) is Permission.AUTONOMOUS
    assert permission(low, step, NOTHING_KNOWN) is Permission.APPROVAL


async def test_operations_are_signed_whatever_the_extension_says():
    (signed,) = await _actuator().operations(plan(), _step(rate="1"), OCCASION, AT)
    assert (signed.action, signed.extension) == (OperationAction.EXTENSION, "sound")


async def test_a_plan_that_fails_is_tried_again_later():
    with pytest.raises(KubernetesError, match="extension failing failed"):
        await _actuator().operations(plan(), _step("failing", rate="1"), OCCASION, AT)
    with pytest.raises(PlanStaleError, match="no extension none"):
        await _actuator().operations(plan(), _step("none"), OCCASION, AT)


@pytest.mark.parametrize("name", ["other-step", "done-already", "undoing", "same-twice"])
async def test_operations_that_are_not_those_of_the_plan_reach_no_record(name):
    with pytest.raises(KubernetesError, match=f"extension {name} failed"):
        await _actuator().operations(plan(), _step(name, rate="1"), OCCASION, AT)


async def test_an_extension_that_does_not_answer_stops_nothing_but_its_act(monkeypatch):
    monkeypatch.setattr(extensions, "_LONGEST_SECONDS", 0.01)
    assert (await _actuator().preview(_step("hanging", rate="1"), OCCASION)).refused == "ExtensionFailed"
    assert (await _effect().apply("ims", _operation("hanging"), TARGET)).state is OperationState.UNKNOWN


async def test_an_effect_that_fails_is_not_known():
    effect, failing = _effect(), _operation("failing")
    assert (await effect.apply("ims", failing, TARGET)).state is OperationState.UNKNOWN
    assert (await effect.happened("ims", failing, TARGET)).state is OperationState.UNKNOWN
    assert "boom" in await effect.in_force("ims", failing, TARGET)
    with pytest.raises(PlanStaleError, match="left alone"):
        await effect.reverse("ims", failing, TARGET, OperationKind.UNDO, 1, AT)


async def test_what_the_api_server_says_passes_through():
    effect, remote = _effect(), _operation("remote")
    for asked in (effect.apply, effect.happened, effect.in_force):
        with pytest.raises(KubernetesError):
            await asked("ims", remote, TARGET)


async def test_of_an_extension_that_is_gone_nothing_is_known():
    effect, gone = _effect(), _operation("gone")
    assert (await effect.apply("ims", gone, TARGET)).state is OperationState.VOID
    assert (await effect.happened("ims", gone, TARGET)).state is OperationState.UNKNOWN
    assert "no extension gone" in await effect.in_force("ims", gone, TARGET)
    with pytest.raises(PlanStaleError, match="left alone"):
        await effect.reverse("ims", gone, TARGET, OperationKind.UNDO, 1, AT)


def _package(folder: Path, name: str, points: str) -> None:
    described = folder / f"{name}-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (described / "entry_points.txt").write_text(f"[homeostat.actions]\n{points}\n")


def test_entry_points_are_loaded_and_broken_ones_named(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    _package(tmp_path, "one", f"sound = {__name__}:Sound\ntwice = {__name__}:Sound\nmissing = no_such_module:It")
    _package(tmp_path, "two", f"twice = {__name__}:Sound\nodd = builtins:object")

    found = installed_extensions()

    assert isinstance(found.usable["sound"], Sound)
    assert "several packages" in found.broken["twice"]
    assert "ModuleNotFoundError" in found.broken["missing"]
    assert "AttributeError" in found.broken["odd"]


def test_an_extension_words_its_own_commands():
    worded = operation(
        action=OperationAction.EXTENSION, extension="sound", command="kubectl annotate x", undo_command="kubectl undo x"
    )
    assert (commands("ims", worded, spec()).do, commands("ims", worded, spec()).undo) == (
        "kubectl annotate x",
        "kubectl undo x",
    )
    silent = operation(action=OperationAction.EXTENSION, extension="sound", field="rate", before="1", intended="2")
    assert commands("ims", silent, spec()).do == (
        "kubectl get deployment/pcscf -n ims -o yaml   # by extension sound: rate 1 -> 2"
    )
