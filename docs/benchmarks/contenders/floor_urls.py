from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpResponse
from django.urls import path


def bare(request):
    return HttpResponse("ok")


def log_in(request):
    user = authenticate(
        request, username=request.POST["username"], password=request.POST["password"]
    )
    user_logged_in.send(sender=type(user), request=request, user=user)
    return HttpResponse("ok")


urlpatterns = [path("bare/", bare), path("login/", log_in)]
