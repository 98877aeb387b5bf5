"""The acts of the demo, each a small story: provoke, wait, check."""
