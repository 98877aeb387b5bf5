"""All Kubernetes traffic."""
