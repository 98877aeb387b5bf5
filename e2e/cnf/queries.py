"""What an IMS engineer asks Prometheus about the edge; the windows fit scrapes of one second."""

WINDOW = "10s"

_OF = 'namespace="ims"'
_COUNTED = f'{_OF},outcome!="excluded"'


def good(window: str = WINDOW) -> str:
    """Effective call attempts per second (RFC 6076: answered, busy, declined)."""
    return f'sum(rate(kamailio_sip_invite_transactions{{{_OF},outcome="effective"}}[{window}]))'


def total(window: str = WINDOW) -> str:
    """Call attempts per second that came to an end."""
    return f"sum(rate(kamailio_sip_invite_transactions{{{_COUNTED}}}[{window}]))"


def effectiveness(window: str = WINDOW) -> str:
    """Session establishment effectiveness ratio."""
    return f"{good(window)} / {total(window)}"


def setup_p95(window: str = WINDOW) -> str:
    """95th percentile of INVITE to final answer, in seconds; the callee rings 0.2 s of it."""
    return f"histogram_quantile(0.95, sum by (le) (rate(kamailio_sip_call_setup_seconds_bucket{{{_OF}}}[{window}])))"


def limited_share(window: str = WINDOW) -> str:
    """Share of the attempts that were answered 503."""
    limited = f'sum(rate(kamailio_sip_invite_replies{{{_OF},code="503"}}[{window}]))'
    return f"({limited} or vector(0)) / {total(window)}"


def cpu_share(window: str = WINDOW, cores: float = 0.1) -> str:
    """Kamailio's CPU time by pod, as a share of its container's limit."""
    return f"sum by (pod) (rate(kamailio_process_cpu_seconds_total{{{_OF}}}[{window}])) / {cores}"


def lost_datagrams(window: str = WINDOW) -> str:
    """Datagrams per second and pod that found the receive queue full: the pod cannot read what it is sent."""
    return f"sum by (pod) (rate(kamailio_udp_datagrams_lost_total{{{_OF}}}[{window}]))"


def active_calls() -> str:
    """Calls in progress by pod, those being set up included: the drain's question."""
    return f'sum by (pod) ({{__name__=~"kamailio_dialog_(active|early)_dialogs",{_OF}}})'


def tuning() -> str:
    """Return the digest of the tuning in force, one series per pod."""
    return f"kamailio_tuning_info{{{_OF}}}"
