"""What `DJWTO_BLACKLIST` may say, and what is said of what it may not."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from djwto.blacklist import BlacklistBackend, load_backend

HERE = "djwto.spec_tests.core.test_load_backend"


class Bare(BlacklistBackend):
    """Without options, and without a word on them."""

    def add(self, key: str, exp: int | None) -> bool:
        raise NotImplementedError

    def contains(self, key: str) -> bool:
        raise NotImplementedError

    def purge(self) -> int:
        raise NotImplementedError


class Named(Bare):
    """Says which it has."""

    default_options: ClassVar[dict[str, Any]] = {"path": "here", "size": 1}


class OfItsOwn(Bare):
    """Looks at them itself."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)


def loaded(name: str, **options: Any) -> BlacklistBackend:
    return load_backend({"BACKEND": f"{HERE}.{name}", "OPTIONS": options})


@pytest.mark.clause("SET-1")
def test_a_backend_has_the_options_that_it_names() -> None:
    assert loaded("Bare").options == {}
    assert loaded("Named").options == {"path": "here", "size": 1}
    assert loaded("Named", size=2).options == {"path": "here", "size": 2}
    assert loaded("OfItsOwn", anything=2).options == {"anything": 2}
    for name, has in (("Bare", "none"), ("Named", "path, size")):
        with pytest.raises(ImproperlyConfigured) as caught:
            loaded(name, a=1, b=2)
        assert str(caught.value) == f"{name} has no option a, b; it has {has}."


@pytest.mark.clause("SET-1")
@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, r"^DJWTO_BLACKLIST is None; write \{"),
        (f"{HERE}.Bare", r"^DJWTO_BLACKLIST is '.*'; write \{"),
        ({}, r"^DJWTO_BLACKLIST is \{\}; write \{"),
        ({"OPTIONS": {}}, r"^DJWTO_BLACKLIST is \{'OPTIONS': \{\}\}; write \{"),
        ({"BACKEND": Bare}, r"; write \{"),
        ({"BACKEND": f"{HERE}.Bare", "b": 1, 2: 3}, r"has the keys \[2, 'b'\]"),
        ({"BACKEND": f"{HERE}.Bare", "OPTIONS": []}, r"^OPTIONS of DJWTO_BLACKLIST is \[\]"),
        ({"BACKEND": "nowhere.Bare"}, r"'nowhere.Bare' cannot be imported: "),
        ({"BACKEND": "nowhere"}, r"'nowhere' cannot be imported: "),
        ({"BACKEND": "builtins.dict"}, r"'builtins.dict' is not a subclass of djwto"),
        ({"BACKEND": "builtins.len"}, r"'builtins.len' is not a subclass of djwto"),
    ],
)
def test_what_it_may_not_say_is_told_with_what_to_write(config: Any, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=says):
        load_backend(config)
