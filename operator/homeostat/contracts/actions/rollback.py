"""The action ``rollback``."""

from homeostat.contracts.actions.kinds import ActionSpec, Reversal, Risk


class RollbackAction(ActionSpec):
    """Go back to the previous revision of a Deployment, StatefulSet or DaemonSet: its pod template, nothing else.

    Refused where there is none, and where the present revision is itself one that was gone back to.
    """

    @property
    def default_risk(self) -> Risk:
        """Medium: what is brought back has worked, but its pods are restarted, which may drop work in progress.

        It also takes back a release that a person decided.
        """
        return Risk.MEDIUM

    @property
    def reversal(self) -> Reversal:
        """The workload keeps the revision that is left, and can return to it."""
        return Reversal.POSSIBLE
