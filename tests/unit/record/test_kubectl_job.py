"""What a person could have typed for a job."""

import shlex
from typing import Any

from homeostat.contracts.operations import OperationAction, OperationKind
from homeostat.contracts.remediation import Terms
from homeostat.record.kubectl import Commands, commands
from homeostat.record.report import report
from tests.unit.record.samples import operation, record, spec

TEMPLATE = {"image": "r.example/book:1", "command": ["/run", "it's"]}
UNDO = {"image": "r.example/book:1", "args": ["back"]}


def _spec(**job: Any) -> Any:
    steps = [{"name": "run", "action": {"job": {"target": "pcscf", "template": TEMPLATE, **job}}}]
    parts = {"steps": steps, "boundaries": {}, "guardrails": {}, "approval": {}, "verification": {}}
    return spec(terms=Terms.model_validate(parts))


def _run(**changes: Any) -> Any:
    known = {"step": "run", "action": OperationAction.RUN_JOB, "field": "job", "before": "none"}
    return operation(**{**known, "intended": "Job/run-1a", "resource_version": "", **changes})


def test_a_run_and_its_undo():
    told = commands("ims", _run(), _spec(undo=UNDO))

    do, _, words = told.do.partition(" -- ")
    assert do == "kubectl create job run-1a -n ims --image=r.example/book:1"
    assert shlex.split(words) == TEMPLATE["command"]
    assert told.undo.startswith("kubectl create job run-1a-undo -n ims --image=r.example/book:1   # command, args")


def test_without_an_undo_there_is_no_command_for_it():
    assert commands("ims", _run(), _spec()).undo == ""


def test_an_undo_is_not_taken_back():
    undo = _run(kind=OperationKind.UNDO, before="Job/run-1a", intended="Job/run-undo-2b")
    told = commands("ims", undo, _spec(undo=UNDO))
    assert told.do.startswith("kubectl create job run-undo-2b -n ims")
    assert told.undo == ""


def test_words_that_are_too_many_are_named():
    long = {**TEMPLATE, "command": ["/run", "x" * 300]}
    told = commands("ims", _run(), _spec(template=long))
    assert told == Commands(
        "kubectl create job run-1a -n ims --image=r.example/book:1"
        "   # command, args and env as in action.job.template of the step",
        "",
    )


def test_the_report_tells_how_it_ended():
    ended = "Job/run-1a completed with exit code 0. Last lines: done"
    lines = report("ims", "call-setup-1", record(record_spec=_spec(), operations=[_run(message=ended)]))
    assert f"  {ended}" in lines
