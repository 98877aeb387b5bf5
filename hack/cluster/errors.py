"""The one error of this package."""


class ClusterError(Exception):
    """A cluster could not be made, reached or removed; the message says what to do."""
