"""The script by which Redis itself compares and sets: in one step, and one round trip."""

from __future__ import annotations

from typing import Any

# No value is stored as an empty text: that stands for none. What is there already is written
# again as it is, so that a WAIT after the script is for that as well: whoever wrote it first may
# not have been told that the replicas have it.
COMPARE_AND_SET = """
local value = redis.call('GET', KEYS[1])
if (value or '') == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], unpack(ARGV, 3))
  return 1
end
if value then redis.call('SET', KEYS[1], value, 'KEEPTTL') end
return 0
"""


def compare_and_set(name: str, old: str | None, new: str, exat: int | None) -> tuple[Any, ...]:
    """The command that sets a key to a value if it has the old one; None is "not there".

    It is answered 1 if it did, else 0. `exat` is in epoch seconds, None for ever.
    """
    return ("EVAL", COMPARE_AND_SET, 1, name, old or "", new, *expiry(exat))


def expiry(exat: int | None) -> tuple[Any, ...]:
    """What SET is told of the expiry."""
    return () if exat is None else ("EXAT", exat)
