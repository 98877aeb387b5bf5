"""The demo: a real node, a real CNF and real calls; break it, watch it heal, read the record."""
