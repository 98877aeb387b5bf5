"""The action ``http``: one call to a system outside the cluster that the administrator has allowed.

No secret can be stated here: who must authenticate runs a ``job``, which takes its secrets from a Secret.
"""

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk
from homeostat.contracts.common import Resource, cel, map_list

NAMES = (
    "intent",
    "namespace",
    "policy",
    "trigger",
    "target",
    "kind",
    "record",
    "step",
    "attempt",
    "operation",
    "key",
    "takesBack",
    "why",
    "diagnosis",
)
"""What ``{{ name }}`` may name in a URL or a body."""

PLACE = re.compile(r"\{\{ *([A-Za-z]*) *\}\}")
"""A place in a template that is filled."""

_RESERVED_HEADERS = (
    "accept",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "idempotency-key",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
)
_RESERVED = "this header is the operator's own, or carries secrets, which do not belong in a policy"
_POINTER_AND_STATES = "give state with at least one of done and failed, or none of the three"


def _checked_names(text: str) -> str:
    unknown = [name for name in PLACE.findall(text) if name not in NAMES]
    rest = PLACE.sub("", text)
    if unknown or "{{" in rest or "}}" in rest:
        raise ValueError(f"{{{{ }}}} takes one of {', '.join(NAMES)}")
    return text


def _checked_json(text: str) -> str:
    try:
        tree = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    _check_leaves(tree)
    return text


def _check_leaves(node: Any) -> None:  # noqa: ANN401 - any JSON
    if isinstance(node, dict):
        if any("{{" in name for name in node):
            raise ValueError("{{ }} stands in the values of a body, not in its names")
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            _check_leaves(inner)
    elif isinstance(node, str):
        _checked_names(node)


Url = Annotated[
    str,
    Field(
        pattern=r"^https?://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?/[ -~]*$",
        max_length=512,
        description="Address; {{ names }} may stand behind the host, and are percent-encoded.",
    ),
    AfterValidator(_checked_names),
]

Body = Annotated[
    str | None,
    Field(
        default=None,
        max_length=4096,
        description="JSON text; {{ names }} may stand in its strings, and cannot change its structure.",
    ),
    AfterValidator(lambda text: text if text is None else _checked_json(text)),
]

Status = Annotated[int, Field(ge=200, le=499)]


def _statuses(default: list[int], description: str) -> Any:  # noqa: ANN401 - pydantic's own
    return Field(
        default=default,
        min_length=1,
        max_length=8,
        description=description,
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Method(StrEnum):
    """How it is called."""

    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


class Header(Resource):
    """One header of the call."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(f"!(self.name.lowerAscii() in {list(_RESERVED_HEADERS)})".replace('"', "'"), _RESERVED)
            ]
        }
    )

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9]*$", max_length=64, description="Its name.")]
    value: Annotated[str, Field(pattern=r"^[ -~]*$", max_length=256, description="Its value; never a secret.")]

    @model_validator(mode="after")
    def _not_reserved(self) -> Self:
        if self.name.lower() in _RESERVED_HEADERS:
            raise ValueError(_RESERVED)
        return self


class Call(Resource):
    """One call."""

    method: Annotated[Method, Field(default=Method.POST, description="HTTP method.")]
    url: Url
    headers: Annotated[
        list[Header],
        Field(default_factory=list, max_length=8, description="More headers.", json_schema_extra=map_list()),
    ]
    body: Body
    expect: Annotated[list[Status], _statuses([200, 201, 202, 204], "HTTP statuses that mean it was taken.")]


class StatusCall(Resource):
    """Where the receiver tells what became of a call."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.state) == (has(self.done) || has(self.failed))", _POINTER_AND_STATES)
            ]
        }
    )

    url: Url
    expect: Annotated[list[Status], _statuses([200], "HTTP statuses that mean it is known there.")]
    state: Annotated[
        str | None,
        Field(default=None, pattern=r"^(/[^/]+)+$", max_length=256, description="JSON Pointer to the state, a text."),
    ]
    done: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(
            default_factory=list,
            max_length=8,
            description="States in which it is in force.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    failed: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(
            default_factory=list,
            max_length=8,
            description="States in which it never will be.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]

    @model_validator(mode="after")
    def _state_and_values(self) -> Self:
        if (self.state is not None) != bool(self.done or self.failed):
            raise ValueError(_POINTER_AND_STATES)
        return self

    @property
    def tells_one_call_from_others(self) -> bool:
        """Whether its answer is about this very call: only then can it say that a call did not happen."""
        return "key" in PLACE.findall(self.url)


class HttpAction(ActionSpec):
    """Call a system outside the cluster on behalf of the target."""

    call: Annotated[Call, Field(description="The call.")]
    status: Annotated[
        StatusCall | None,
        Field(
            default=None,
            description="Where its effect is seen. With {{ key }} in its address it also tells, after a lost answer, "
            "whether the call arrived; else a person is asked.",
        ),
    ]
    undo: Annotated[
        Call | None, Field(default=None, description="The call that takes it back; without one it cannot be.")
    ]

    @property
    def default_risk(self) -> Risk:
        """High: it reaches beyond the target."""
        return Risk.HIGH

    @property
    def reversal(self) -> Reversal:
        """Only by a call of its own."""
        return Reversal.POSSIBLE if self.undo is not None else Reversal.IMPOSSIBLE
