from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from djwto.testing import tokens_for


@pytest.fixture
def alice(db):
    return User.objects.create_user("alice", password="pass")


def test_orders_are_for_customers(jwt_client, alice):
    assert jwt_client.get("/orders/").status_code == 401
    jwt_client.login(alice)
    assert jwt_client.post("/orders/").json() == {"customer": "alice"}


def test_a_visit_goes_on_when_the_access_token_has_expired(jwt_client, alice):
    jwt_client.carry(tokens_for(alice, access_lifetime=timedelta(minutes=-1)))
    assert jwt_client.get("/orders/").status_code == 401
    assert jwt_client.post(reverse("refresh_access")).status_code == 200
    assert jwt_client.get("/orders/").status_code == 200


def test_a_visit_ends_when_the_refresh_token_has_expired(jwt_client, alice):
    jwt_client.carry(tokens_for(alice, lifetime=timedelta(minutes=-1)))
    assert jwt_client.post(reverse("refresh_access")).status_code == 401


def test_a_logout_is_told_of(jwt_client, jwt_signals, alice):
    jwt_client.login(alice)
    jwt_client.post(reverse("logout"))
    jwt_signals.assert_sent("jwt_blacklisted")


def test_a_login_is_told_of(jwt_client, jwt_signals, alice):
    jwt_client.post(reverse("login"), {"username": "alice", "password": "pass"})
    logged_in = jwt_signals.only("jwt_logged_in", sender="GetTokensView")
    assert logged_in.kwargs["access_claims"]["user"]["username"] == "alice"
    assert jwt_client.get("/orders/").status_code == 200
