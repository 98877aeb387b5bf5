"""The demo, which is also the end-to-end test: exit status 0 only if each act ended as it should.

python -m e2e [--acts 0,1,2,3,4,5,6] [--output demo-output] [--kill-each-act]
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from e2e import report
from e2e.acts import (
    act0_shadow,
    act1_congestion,
    act2_misconfiguration,
    act3_no_help,
    act4_approval,
    act5_blindness,
    act6_crash,
    control,
)
from e2e.acts.scene import ActError, Curve, Result
from e2e.chart import Pair, draw
from e2e.cnf.image import ImageError
from e2e.stage import Stage, set_up
from e2e.timeline import Timeline, Who
from e2e.truth import keep
from hack.cluster import ClusterError

GOOD = "as it should"
_TITLES = {1: "Congestion: calls rise past one replica's capacity", 2: "Misconfiguration: a rate limit set too low"}
_CONTROLS: dict[int, Callable[[Stage], tuple[Result, Curve]]] = {1: control.congestion, 2: control.misconfiguration}
_CURVED: dict[int, Callable[[Stage], tuple[Result, Curve]]] = {1: act1_congestion.run, 2: act2_misconfiguration.run}
_PLAIN: dict[int, Callable[[Stage], Result]] = {
    0: act0_shadow.run,
    3: act3_no_help.run,
    4: act4_approval.run,
    5: act5_blindness.run,
    6: act6_crash.run,
}


@dataclass
class Show:
    """The acts as they are played, one after the other; an act that fails does not stop the next."""

    stage: Stage
    told: list[tuple[str, str]] = field(default_factory=list)
    controls: dict[int, Curve] = field(default_factory=dict)
    operated: dict[int, Curve] = field(default_factory=dict)

    def run(self, acts: Sequence[int]) -> bool:
        """Play the controls and the acts; tell whether all ended as they should."""
        for number in (n for n in acts if n in _CONTROLS):
            self._play(f"Control for act {number}", partial(self._curved, _CONTROLS[number], self.controls, number))
        for number in acts:
            self._play(f"Act {number}", partial(self._act, number))
        pairs = [Pair(_TITLES[n], self.controls.get(n), self.operated.get(n)) for n in acts if n in _CURVED]
        keep(self.stage.subscribers.moments(), self.stage.output / "subscribers.csv")
        files = draw(pairs, self.stage.output) if any(pair.control or pair.operated for pair in pairs) else []
        report.summary(self.stage, self.told, files)
        return all(verdict == GOOD for _, verdict in self.told)

    def _act(self, number: int) -> Result:
        self.stage.start_operator()
        if number in _CURVED:
            return self._curved(_CURVED[number], self.operated, number)
        return _PLAIN[number](self.stage)

    def _curved(self, play: Callable[[Stage], tuple[Result, Curve]], curves: dict[int, Curve], number: int) -> Result:
        result, curves[number] = play(self.stage)
        return result

    def _play(self, title: str, act: Callable[[], Result]) -> None:
        timeline = self.stage.timeline
        timeline.act(title)
        began = time.monotonic()
        try:
            result = act()
        except Exception as error:
            timeline.say(Who.FAILED, f"{type(error).__name__}: {error}")
            if not isinstance(error, ActError | TimeoutError):
                timeline.quote(traceback.format_exc())
            timeline.say(Who.STAGE, "the operator's last words:")
            timeline.quote(self.stage.operator.last_words())
            self.told.append((title, f"{error}".splitlines()[0]))
            return
        report.tell(self.stage, result, time.monotonic() - began)
        self.told.append((result.title, GOOD))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0: each act ended as it should, 1: one did not, 2: there is no cluster to be had here."""
    options = _options(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    timeline = Timeline(options.output / "timeline.txt")
    try:
        with set_up(options.output, timeline, kill_each_act=options.kill_each_act) as stage:
            return 0 if Show(stage).run(options.acts) else 1
    except (ClusterError, ImageError, TimeoutError) as error:
        timeline.say(Who.FAILED, str(error))
        return 2
    except KeyboardInterrupt:
        timeline.say(Who.STAGE, "ended by Ctrl-C; nothing is left behind")
        return 130
    finally:
        timeline.close()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m e2e", description="The demo, which is also the end-to-end test.")
    parser.add_argument("--acts", type=_acts, default=_acts(os.environ.get("ACTS") or "0,1,2,3,4,5,6"))
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where chart and records are left")
    parser.add_argument("--kill-each-act", action="store_true", help="SIGKILL the operator in the middle of each act")
    return parser.parse_args(arguments)


def _acts(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    if not numbers or numbers[0] < 0 or numbers[-1] > 6:
        raise argparse.ArgumentTypeError("acts are 0 to 6, such as 1,2")
    return numbers


if __name__ == "__main__":
    sys.exit(main())
