"""Publishes the public keys, for services that verify tokens and issue none (RFC 7517)."""

from __future__ import annotations

from typing import Any

import jwt
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse

from djwto.base_view import JWTView
from djwto.jose import Key, is_symmetric
from djwto.keys import are_to_be_called_for
from djwto.verified import verifier

MAX_AGE = 300
"""For how many seconds others may keep the keys before they ask again."""


class JWKSView(JWTView):
    """The public keys in force as a JWK Set; sends no signal. GET only (HTTP-28).

    Of a secret, which HMAC has, there is no public part: it is not in the set.
    """

    sender = "JWKSView"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self.run(self.either(self.published, self.apublished))

    async def apublished(self) -> HttpResponse:
        """As `published`, awaited."""
        if are_to_be_called_for():
            return await sync_to_async(self.published)()
        return self.published()

    def published(self) -> HttpResponse:
        """The response."""
        return JsonResponse(
            {"keys": [_public(key) for key in verifier().keys.keys if _is_public(key)]},
            content_type="application/jwk-set+json",
            headers={"Cache-Control": f"public, max-age={MAX_AGE}"},
        )


def _is_public(key: Key) -> bool:
    return not is_symmetric(key.algorithm) and not key.is_over()


def _public(key: Key) -> dict[str, Any]:
    """A key as a JSON Web Key (RFC 7517 section 4)."""
    jwk = jwt.get_algorithm_by_name(key.algorithm).to_jwk(key.verifying, as_dict=True)
    # Section 4.3: beside `use` there had better be no `key_ops`.
    jwk.pop("key_ops", None)
    name = {} if key.kid is None else {"kid": key.kid}
    return {**jwk, "alg": key.algorithm, "use": "sig"} | name
