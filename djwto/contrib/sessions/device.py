"""What a request tells of the device that sent it, and how much of that is kept."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.http import HttpRequest
from django.utils.module_loading import import_string

from djwto.contrib.sessions.conf import settings

PREFIXES = {4: 24, 6: 48}
"""Bits of an address that tell its network: about one site of one provider's customer."""

LONGEST_USER_AGENT = 200


def remote_addr(request: HttpRequest) -> str:
    """The address of whoever connected to the server. Replaced by `DJWTO_SESSION_CLIENT_IP`.

    Behind a proxy that is the proxy. X-Forwarded-For is not looked at: anybody can send one, and
    only the project knows which of its proxies to believe.
    """
    return str(request.META.get("REMOTE_ADDR") or "")


def ip(request: HttpRequest) -> str:
    """The address of the client, as far as `DJWTO_SESSION_IP` has it kept; "" if not known."""
    if settings.session_ip == "none":
        return ""
    address = _address(import_string(settings.session_client_ip)(request))
    if address is None:
        return ""
    if settings.session_ip == "full":
        return str(address)
    return str(ip_network(f"{address}/{PREFIXES[address.version]}", strict=False))


def _address(text: object) -> IPv4Address | IPv6Address | None:
    try:
        # A zone, as in fe80::1%eth0, means something on the server only.
        address = ip_address(str(text).strip().partition("%")[0])
    except ValueError:
        return None
    # What an IPv4 client looks like to a server that listens on IPv6 (RFC 4291 section 2.5.5.2).
    return getattr(address, "ipv4_mapped", None) or address


def user_agent(request: HttpRequest) -> str:
    """The start of the User-Agent header, unless `DJWTO_SESSION_USER_AGENT` is "none".

    What cannot be printed becomes a space: a client sends what it likes, and people read it.
    """
    if settings.session_user_agent == "none":
        return ""
    header = str(request.META.get("HTTP_USER_AGENT", ""))[:LONGEST_USER_AGENT]
    return "".join(c if c.isprintable() else " " for c in header).strip()
