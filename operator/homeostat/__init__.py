"""Homeostat keeps Kubernetes-based network services inside what was promised for them.

One loop, one direction, a package per stage:

    observe -> evaluate -> diagnose -> decide -> act -> verify -> record

``contracts`` holds the custom resources, ``flow`` the values, ports and engine, ``intake`` what people declared,
``cluster`` all Kubernetes traffic, ``app`` the composition root, ``cli`` the plugin for kubectl.
"""

__version__ = "0.1.0"
