"""HTTP-18: what all answers of the endpoints have in common."""

from __future__ import annotations

from djwto.spec_tests import api
from djwto.spec_tests.registry import clause, expect
from djwto.spec_tests.stage import PASSWORD, Way, in_each_way, new_account
from djwto.spec_tests.subject import Subject


@clause("HTTP-18")
def no_answer_is_stored(subject: Subject) -> None:
    for way in in_each_way(subject):
        account = new_account()
        _refused(f"a login in {way} with a wrong password", api.log_in(account.username, "wrong"))
        tokens = api.log_in(account.username, PASSWORD)
        _answered(f"a login in {way}", tokens)
        for path in api.ENDPOINTS:
            _asked_for_a_page(path, way)
            if path != api.LOGIN:
                _refused(f"{path} in {way} with what is no token", api.send(path, "none"))
        # Each of the tokens is good until the last of these.
        for path in (api.VALIDATE_ACCESS, api.VALIDATE_REFRESH, api.REFRESH_ACCESS, api.LOGOUT):
            _answered(f"{path} in {way}", api.send(path, tokens.token_for(path)))


def _asked_for_a_page(path: str, way: Way) -> None:
    done = f"GET {path} in {way}"
    answer = api.send(path, method="get")
    expect(done, answer.status, 405)
    _refused(done, answer)
    expect(f"Allow of {done}", answer.headers.get("Allow"), api.ENDPOINTS[path])


def _refused(done: str, answer: api.Answer) -> None:
    """Raises Broken for a refusal that does not say why, in JSON."""
    expect(f"whether {done} is refused", 400 <= answer.status < 500, True)
    expect(f"what the body of the answer to {done} has", sorted(answer.body), ["error"])
    _expect_not_stored(done, answer)


def _answered(done: str, answer: api.Answer) -> None:
    expect(done, answer.status, 200)
    _expect_not_stored(done, answer)


def _expect_not_stored(done: str, answer: api.Answer) -> None:
    seen = answer.headers.get("Cache-Control")
    expect(f"Cache-Control of the answer to {done}", seen, "no-store")
