import time

import jwt
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpResponse, JsonResponse
from django.urls import path

from contenders.floor import Keys, ask


def bare(request):
    return HttpResponse("ok")


def decoded(request):
    token = request.headers["Authorization"].removeprefix("Bearer ")
    return jwt.decode(token, Keys.verifying, algorithms=[Keys.algorithm])


def protected(request):
    decoded(request)
    return HttpResponse("ok")


def refresh(request):
    claims = decoded(request)
    # Has the session ended, and is the user still the one of then?
    ask(1)
    ask(1)
    now = int(time.time())
    access = {**claims, "iat": now, "exp": now + 3600}
    return JsonResponse({"access": jwt.encode(access, Keys.signing, algorithm=Keys.algorithm)})


def log_in(request):
    user = authenticate(
        request, username=request.POST["username"], password=request.POST["password"]
    )
    user_logged_in.send(sender=type(user), request=request, user=user)
    return HttpResponse("ok")


urlpatterns = [
    path("bare/", bare),
    path("protected/", protected),
    path("refresh/", refresh),
    path("login/", log_in),
]
