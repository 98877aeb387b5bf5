"""The API server's refusals as errors that say what it said."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from homeostat.cluster.retries import NO_CONNECTION
from homeostat.flow.ports import ConflictError, KubernetesError, NotFoundError

_LONGEST_MESSAGE = 1024
_CLASSES: Mapping[int, type[KubernetesError]] = {
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
}


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> KubernetesError:
    """The error that a refusal is; its message is that of the Status object with its causes, or the plain text."""
    said = _status_object(content)
    message = said.get("message") or content.decode("utf-8", errors="replace").strip() or "no explanation was given"
    details = said.get("details") or {}
    # Those of a validation stand in the message already; the disruption budget that forbids an eviction does not.
    causes = [c["message"] for c in details.get("causes") or () if c.get("message") and c["message"] not in message]
    message = " ".join([message, *causes])
    wait = headers.get("Retry-After") or details.get("retryAfterSeconds")
    return _CLASSES.get(status, KubernetesError)(
        status, said.get("reason") or "", message[:_LONGEST_MESSAGE], _seconds(wait)
    )


def no_answer(method: str, path: str, cause: Exception) -> KubernetesError:
    """No answer came: the connection could not be made, or it broke."""
    return KubernetesError(0, NO_CONNECTION, f"{method} {path}: no answer from the API server: {cause}")


def too_slow(method: str, path: str, seconds: float) -> KubernetesError:
    """No answer came in time."""
    return KubernetesError(0, "Timeout", f"{method} {path}: no answer from the API server in {seconds:g} s")


def _status_object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) and body.get("kind") == "Status" else {}


def _seconds(value: str | int | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None  # an HTTP date, which the API server does not send
