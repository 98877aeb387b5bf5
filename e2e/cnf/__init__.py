"""The CNF under test: Kamailio as a SIP edge proxy, its image and its manifests."""

from e2e.cnf.image import IMAGE, build_image

__all__ = ["IMAGE", "build_image"]
