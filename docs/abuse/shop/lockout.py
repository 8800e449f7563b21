# shop/lockout.py
from django.conf import settings
from django.http import JsonResponse


def answer(request, response, credentials):
    return JsonResponse(
        {"error": "Too many failed logins; try again later."},
        status=429,
        headers={
            "Retry-After": str(int(settings.AXES_COOLOFF_TIME.total_seconds())),
            "Cache-Control": "no-store",
        },
    )
