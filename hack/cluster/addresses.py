"""The addresses of a local cluster. The node's network is a pair of virtual links between this host and the node."""

SERVICE_RANGE = "10.96.0.0/16"
SERVICES_API = "10.96.0.1"  # the Service `kubernetes`
POD_RANGE = "10.244.0.0/24"
HOST = "10.245.0.1"  # this host, as pods and the node see it
NODE = "10.245.0.2"
PREFIX = 30
LINK = "homeostat0"
NODE_NAME = "homeostat-node"
