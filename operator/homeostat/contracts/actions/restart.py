"""The action ``restart``."""

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk


class RestartAction(ActionSpec):
    """Restart the target's pods one after another, by its own controller and update strategy."""

    @property
    def default_risk(self) -> Risk:
        """Work in progress on the pods that end may be lost."""
        return Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The pods that ended do not come back."""
        return Reversal.IMPOSSIBLE
