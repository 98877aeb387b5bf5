import json
import urllib.parse
import urllib.request
from pathlib import Path

from hack.cluster.processes import wait_until
from hack.cluster.prometheus import running_prometheus, write_configuration


def test_scrapes_and_takes_new_targets_while_it_runs(tmp_path: Path) -> None:
    def jobs(address: str) -> set[tuple[str, str]]:
        query = urllib.parse.urlencode({"query": "up == 1"})
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=10) as answer:
            series = json.load(answer)["data"]["result"]
        return {(one["metric"]["job"], one["metric"]["site"]) for one in series}

    with running_prometheus(tmp_path, {}, labels={"site": "north"}) as url:
        itself = {"itself": [url.removeprefix("http://")]}
        write_configuration(tmp_path, itself, labels={"site": "south"})
        url.reload()
        wait_until(lambda: jobs(url) == {("itself", "south")}, "the new target is scraped", 30)
    assert [path.name for path in tmp_path.iterdir()] == ["prometheus.yaml"]
