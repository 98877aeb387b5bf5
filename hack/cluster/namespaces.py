"""The node's own mount, network and process-id namespaces: what runs in them cannot outlive or litter this host.

When the first process in them ends, the kernel ends all others and drops their mounts, links and iptables rules.
"""

from collections.abc import Sequence
from pathlib import Path

import psutil

from hack.cluster.addresses import HOST, LINK, NODE, POD_RANGE, PREFIX, SERVICE_RANGE
from hack.cluster.commands import run
from hack.cluster.errors import ClusterError
from hack.cluster.processes import Process

# The kubelet insists on these kernel settings and would change them for the whole host. It finds them as it wants
# them in files of its own instead.
_KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# Where containerd, the CNI plugins and the kubelet write. The node gets folders of its own there.
_PRIVATE = ("/var/lib", "/var/log")
_PID_FILE = "namespaces.pid"


class Namespaces:
    """The namespaces of one node, held open by their first process."""

    def __init__(self, folder: Path, first: Path) -> None:
        self._folder = folder
        self._node = folder / "node"
        self._node.mkdir()
        self._refuse_hidden_folder()
        self._ready = self._node / "ready"
        unshare = ["unshare", "--kill-child", "--fork", "--pid", "--mount", "--net", "--mount-proc"]
        self.process = Process(folder, "namespaces", [*unshare, "--", "sh", "-ec", self._script(), "sh", first])
        self.process.wait_until(self._ready.exists, "the node's namespaces are ready", 20)
        (folder / _PID_FILE).write_text(str(psutil.Process(self.process.pid).children()[0].pid))

    def connect(self) -> None:
        """Give the node a network: a pair of links, and routes from this host to Services and pods."""
        holder = (self._folder / _PID_FILE).read_text()
        try:
            run(["ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", holder])
        except ClusterError as failed:
            raise ClusterError(f"no link to the node; is another real node up on this host?\n{failed}") from failed
        run(["ip", "address", "add", f"{HOST}/{PREFIX}", "dev", LINK])
        run(["ip", "link", "set", LINK, "up"])
        inside = [
            "ip link set lo up",
            f"ip address add {NODE}/{PREFIX} dev eth0",
            "ip link set eth0 up",
            f"ip route add default via {HOST}",
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
        ]
        run([*enter(self._folder), "sh", "-ec", "\n".join(inside)])
        for destination in (SERVICE_RANGE, POD_RANGE):
            run(["ip", "route", "add", destination, "via", NODE, "dev", LINK])

    def _script(self) -> str:
        lines = ["mount --make-rshared /", "mount -t tmpfs tmpfs /run"]
        for place in _PRIVATE:
            own = self._node / place.strip("/").replace("/", "-")
            own.mkdir()
            lines.append(f"mount --bind '{own}' {place}")
        for name, value in _KERNEL.items():
            own = self._node / name.replace("/", "-")
            own.write_text(f"{value}\n")
            lines.append(f"[ ! -e /proc/sys/{name} ] || mount --bind '{own}' /proc/sys/{name}")
        return "\n".join([*lines, f"touch '{self._ready}'", 'exec "$1"'])

    def _refuse_hidden_folder(self) -> None:
        hidden = [place for place in ("/run", *_PRIVATE) if self._folder.resolve().is_relative_to(place)]
        if hidden:
            raise ClusterError(f"the cache folder may not be below {hidden[0]}: set XDG_CACHE_HOME to another place")


def enter(folder: Path) -> Sequence[str]:
    """Return the command prefix that runs a program inside the namespaces of a cluster's node."""
    holder = (folder / _PID_FILE).read_text()
    return ["nsenter", f"--target={holder}", "--mount", "--net", "--pid", "--"]
