from django.http import JsonResponse
from django.urls import include, path

from djwto.authentication import jwt_login_required


@jwt_login_required
def orders(request):
    return JsonResponse({"customer": request.payload["user"]["username"]})


urlpatterns = [path("", include("djwto.urls")), path("orders/", orders)]
