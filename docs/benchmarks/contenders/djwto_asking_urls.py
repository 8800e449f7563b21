import redis
from django.http import HttpResponse
from django.urls import path

from contenders import djwto_asking, djwto_urls
from djwto.authentication import presented
from djwto.claims import ACCESS

client = redis.Redis.from_url(djwto_asking.URL)


def exists(request):
    presented(request, ACCESS)
    client.exists("djwto:no-such-key")
    return HttpResponse("ok")


urlpatterns = [*djwto_urls.urlpatterns, path("exists/", exists)]
