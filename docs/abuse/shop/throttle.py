# shop/throttle.py
from django_ratelimit.core import get_usage

from djwto.login import login_name


def name(group, request):
    return login_name(request).casefold()


# What is counted, and how many requests of one and the same may come.
LIMITS = {
    "GetTokensView": [("ip", "20/m"), (name, "100/h")],
    "RefreshAccessView": [("ip", "120/m")],
    "UpdateRefreshView": [("ip", "120/m")],
}


def throttle(request, sender):
    for key, rate in LIMITS.get(sender, []):
        usage = get_usage(request, group=sender, key=key, rate=rate, increment=True)
        if usage and usage["should_limit"]:
            return usage["time_left"]
    return None
