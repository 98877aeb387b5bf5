"""kubectl homeostat: what a person on call reads and decides."""
