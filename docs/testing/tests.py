from django.contrib.auth.models import User
from django.test import TestCase
from django.urls import reverse

from djwto.testing import AsyncJWTClient, JWTClient, recorded_signals


class OrdersTest(TestCase):
    client_class = JWTClient
    async_client_class = AsyncJWTClient

    def setUp(self):
        self.alice = User.objects.create_user("alice", password="pass")

    def test_a_logout(self):
        self.client.login(self.alice)
        with recorded_signals() as signals:
            self.client.post(reverse("logout"))
        signals.only("jwt_blacklisted", sender="BlackListTokenView")

    async def test_orders(self):
        await self.async_client.alogin(self.alice)
        response = await self.async_client.get("/orders/")
        self.assertEqual(response.json(), {"customer": "alice"})
