from django.http import HttpResponse
from django.urls import path
from ninja_extra import NinjaExtraAPI
from ninja_jwt.authentication import JWTTokenUserAuth
from ninja_jwt.controller import NinjaJWTDefaultController
from ninja_jwt.routers.blacklist import blacklist_router

api = NinjaExtraAPI()
api.register_controllers(NinjaJWTDefaultController)
api.add_router("/token", blacklist_router)


@api.get("/protected/", auth=JWTTokenUserAuth())
def protected(request):
    return HttpResponse("ok")


urlpatterns = [path("", api.urls)]
