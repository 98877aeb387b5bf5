"""What a client wrote, and how often, told by the API server and never by the client itself."""

from hack.witness.audit_log import AuditLog
from hack.witness.watch import Watch
from hack.witness.write import Witness, WitnessError, Write

__all__ = ["AuditLog", "Watch", "Witness", "WitnessError", "Write"]
