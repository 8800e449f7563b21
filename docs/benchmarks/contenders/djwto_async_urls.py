from django.http import HttpResponse
from django.urls import include, path

from djwto.authentication import jwt_login_required


@jwt_login_required
async def protected(request):
    return HttpResponse("ok")


urlpatterns = [path("protected/", protected), path("", include("djwto.async_urls"))]
