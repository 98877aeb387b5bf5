"""Start callers as a pod, change their rate while they call, read what they lived through."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from e2e.subscribers.experience import Second, parse

_TEMPLATE = Path(__file__).with_name("caller.yaml")


class Kubectl(Protocol):
    """How the cluster's kubectl is called."""

    def __call__(self, *args: str, stdin: str | None = None) -> str: ...


@dataclass(frozen=True)
class Step:
    """So many calls per second for so many seconds."""

    rate: int
    seconds: int


class Load:
    """A pod of callers. The arrivals are evenly spaced and the calls equally long: each run is the same run."""

    def __init__(self, kubectl: Kubectl, name: str, steps: Sequence[Step], hold: float = 5.0) -> None:
        self._kubectl = kubectl
        self._name = name
        self._steps = steps
        self._hold = hold

    @property
    def seconds(self) -> int:
        """How long new calls are placed."""
        return sum(step.seconds for step in self._steps)

    def start(self, most_calls: int | None = None) -> None:
        """Start calling and return once the first calls are placed; bounded in calls and in time in any case."""
        planned = sum(step.rate * step.seconds for step in self._steps)
        text = _TEMPLATE.read_text()
        for word, value in {
            "NAME": self._name,
            "DEADLINE": str(self.seconds + int(self._hold) + 60),
            "STEPS": " ".join(f"{step.rate}:{step.seconds}" for step in self._steps),
            "HOLD": str(int(self._hold * 1000)),
            "BOUND": str(most_calls or 2 * planned + 1000),
        }.items():
            text = text.replace(word, value)
        self._kubectl("apply", "-f", "-", stdin=text)
        self._kubectl(
            "wait", "-n", "ims", f"pod/{self._name}", "--for=jsonpath={.status.phase}=Running", "--timeout=50s"
        )

    def set_rate(self, rate: int) -> None:
        """Change the rate now; the next step of the profile overrules it."""
        self._kubectl(
            "exec", "-n", "ims", self._name, "--", "bash", "-c", f"printf 'cset rate {rate}' > /dev/udp/127.0.0.1/8888"
        )

    def experience(self) -> list[Second]:
        """What was lived through so far."""
        return parse(self._kubectl("logs", "-n", "ims", self._name).splitlines())

    def finished(self) -> bool:
        """Whether the last call has ended."""
        phase = self._kubectl("get", "-n", "ims", f"pod/{self._name}", "-o", "jsonpath={.status.phase}")
        return phase in ("Succeeded", "Failed")

    def wait(self, patience: float = 60.0) -> list[Second]:
        """Wait until the last call has ended, and return the whole experience."""
        deadline = time.monotonic() + self.seconds + self._hold + patience
        while not self.finished():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._name} still calls {patience:.0f} s after its time")
            time.sleep(0.5)
        return self.experience()

    def stop(self) -> None:
        """Remove the callers at once."""
        self._kubectl("delete", "-n", "ims", f"pod/{self._name}", "--ignore-not-found", "--grace-period=1")
