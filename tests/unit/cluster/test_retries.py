"""Which reads are repeated, when, and for how long."""

import pytest

from homeostat.cluster.clock import SystemClock
from homeostat.cluster.errors import error_of, no_answer, too_slow
from homeostat.cluster.retries import ReadRetries
from homeostat.flow.ports import ConflictError, KubernetesError, NotFoundError

NO_ANSWER = no_answer("GET", "/api", OSError("refused"))


class Time(SystemClock):
    def __init__(self) -> None:
        self.seconds, self.waits = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


class Answers:
    def __init__(self, *answers: KubernetesError | str) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self) -> str:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, KubernetesError):
            raise answer
        return answer


def _retries(time: Time) -> ReadRetries:
    return ReadRetries(clock=time, chance=lambda: 0.5, sleep=time.sleep)


async def test_passing_faults_are_waited_out_ever_longer() -> None:
    time, ask = Time(), Answers(NO_ANSWER, KubernetesError(503, "", ""), KubernetesError(429, "", "", 3.0), "yes")

    assert await _retries(time).run(ask) == "yes"
    assert time.waits == [0.2, 0.4, 3.0]


@pytest.mark.parametrize(
    "error", [NotFoundError(404, "", ""), KubernetesError(403, "", ""), too_slow("GET", "/api", 10)]
)
async def test_what_repetition_does_not_cure_is_raised_at_once(error: KubernetesError) -> None:
    ask = Answers(error)

    with pytest.raises(KubernetesError):
        await _retries(Time()).run(ask)
    assert ask.asked == 1


async def test_it_ends_after_four_questions() -> None:
    ask = Answers(*[NO_ANSWER] * 9)

    with pytest.raises(KubernetesError):
        await _retries(Time()).run(ask)
    assert ask.asked == 4


async def test_a_wait_beyond_the_limit_is_not_begun() -> None:
    time, ask = Time(), Answers(KubernetesError(429, "", "", 60.0), "yes")

    with pytest.raises(KubernetesError):
        await _retries(time).run(ask)
    assert time.waits == []


@pytest.mark.parametrize(
    ("status", "content", "kind", "reason", "message", "wait"),
    [
        (404, b'{"kind":"Status","reason":"NotFound","message":"none"}', NotFoundError, "NotFound", "none", None),
        (409, b'{"kind":"Status","reason":"AlreadyExists","message":"is"}', ConflictError, "AlreadyExists", "is", None),
        (429, b'{"kind":"Status","message":"busy","details":{"retryAfterSeconds":2}}', KubernetesError, "", "busy", 2),
        (
            429,
            b'{"kind":"Status","message":"no.","details":{"causes":[{"message":"budget b needs 2"}]}}',
            KubernetesError,
            "",
            "no. budget b needs 2",
            None,
        ),
        (
            422,
            b'{"kind":"Status","message":"spec.a: too low","details":{"causes":[{"message":"too low"},{}]}}',
            KubernetesError,
            "",
            "spec.a: too low",
            None,
        ),
        (502, b"bad gateway", KubernetesError, "", "bad gateway", None),
        (500, b"", KubernetesError, "", "no explanation was given", None),
        (404, b'{"kind":"Other","message":"x"}', NotFoundError, "", '{"kind":"Other","message":"x"}', None),
    ],
)
def test_a_refusal_says_what_the_server_said(
    status: int, content: bytes, kind: type[KubernetesError], reason: str, message: str, wait: float | None
) -> None:
    error = error_of(status, {}, content)

    assert type(error) is kind
    assert (error.status, error.reason, error.message, error.retry_after) == (status, reason, message, wait)


def test_the_header_says_how_long_to_wait() -> None:
    assert error_of(429, {"Retry-After": "7"}, b"").retry_after == 7
    assert error_of(429, {"Retry-After": "soon"}, b"").retry_after is None
