"""Signals in: measurements with their freshness and coverage, and the state of the workloads they are about."""
