"""Desired state in: what people declared, compiled and kept with its last good version."""
