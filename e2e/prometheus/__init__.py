"""The demo's Prometheus: its manifests, and the discovery that Debian's build lacks."""
