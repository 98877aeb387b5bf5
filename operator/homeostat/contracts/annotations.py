"""Annotations by which people hold the operator back, on objects that they may edit anyway.

A pause and a stop stand on a ServiceIntent, a RemediationPolicy or a Namespace; planned work on a Namespace or on a
workload. GitOps leaves annotations alone that it does not declare, and RBAC governs who may write them.
"""

PREFIX = "homeostat.dev/"

PAUSED_UNTIL = f"{PREFIX}paused-until"
"""No new act until this moment (RFC 3339)."""

PAUSED_REASON = f"{PREFIX}paused-reason"

STOPPED = f"{PREFIX}stopped"
"""``true``: nothing is written, an undo and a release included. ``false`` or none: not stopped."""

STOPPED_REASON = f"{PREFIX}stopped-reason"

MAINTENANCE_UNTIL = f"{PREFIX}maintenance-until"
"""Planned work goes on until this moment (RFC 3339)."""

MAINTENANCE_CHANGE = f"{PREFIX}maintenance-change"
"""Id of the change that the planned work is done under."""
