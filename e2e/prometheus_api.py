"""The demo's own look at its Prometheus."""

import json
import urllib.parse
import urllib.request


class Prometheus:
    """The Prometheus at an address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def now(self, query: str) -> float:
        """First value of an instant answer; NaN where there is none."""
        url = f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else float("nan")
