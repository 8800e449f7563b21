"""Rogues whose async methods do something else than the methods that they stand for."""

from __future__ import annotations

from collections.abc import Collection

from asgiref.sync import sync_to_async

from djwto.spec_tests.rogues.honest import Honest, HonestWithoutValues


class AwaitsAHundred(Honest):
    """Answers, awaited, for the first hundred keys."""

    breaks = "BL-13"

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        return await super().aget_many(list(keys)[:100])


class AsyncTwinLies(Honest):
    """Answers True when `add` is awaited, and adds nothing."""

    breaks = "BL-13"

    async def aadd(self, key: str, exp: int | None) -> bool:
        return not self.contains(key)


class AsyncTwinIsAlwaysFirst(Honest):
    """Answers True to everyone who awaits `add`."""

    breaks = "BL-13"

    async def aadd(self, key: str, exp: int | None) -> bool:
        await super().aadd(key, exp)
        return True


class AsyncTwinHasAStoreOfItsOwn(Honest):
    """Keeps what is added and awaited where only those look who await."""

    breaks = "BL-13"

    async def aadd(self, key: str, exp: int | None) -> bool:
        return await super().aadd(f"async:{key}", exp)

    async def acontains(self, key: str) -> bool:
        return await super().acontains(f"async:{key}") or await super().acontains(key)


class AsyncTwinIsBlind(Honest):
    """Finds nothing when `contains` is awaited."""

    breaks = "BL-13"

    async def acontains(self, key: str) -> bool:
        return False


class AsyncTwinIsCredulous(Honest):
    """Finds everything when `contains` is awaited."""

    breaks = "BL-13"

    async def acontains(self, key: str) -> bool:
        return True


class AsyncPurgeIsLazy(Honest):
    """Purges nothing when `purge` is awaited."""

    breaks = "BL-13"

    async def apurge(self) -> int:
        return 0


class AsyncPurgeIsThorough(Honest):
    """Purges everything when `purge` is awaited."""

    breaks = "BL-13"

    async def apurge(self) -> int:
        delete = sync_to_async(self._run)
        return (await delete("DELETE FROM entry"))[1]


class AsyncPurgeMiscounts(Honest):
    """Purges when that is awaited, and counts one too many."""

    breaks = "BL-13"

    async def apurge(self) -> int:
        return await super().apurge() + 1


class AsyncSetLies(Honest):
    """Answers True when `compare_and_set` is awaited, and sets nothing."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.get_many([key]).get(key) == old


class AsyncSetAddsOnly(Honest):
    """Drops the value when `compare_and_set` is awaited."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return self.compare_and_set(key, old, "", exp)


class AsyncSetIgnoresOld(Honest):
    """Sets, whatever the value is, when `compare_and_set` is awaited."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return await super().acompare_and_set(key, old, new, exp)
        return await sync_to_async(self._set)("key = ?", key, value=new, exp=exp) == 1


class AsyncGetManyIsBlind(HonestWithoutValues):
    """Finds nothing when `get_many` is awaited."""

    breaks = "BL-13"

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        return {}


class AsyncGetManyForgetsValues(Honest):
    """Answers with keys only when `get_many` is awaited."""

    breaks = "BL-13"

    async def aget_many(self, keys: Collection[str]) -> dict[str, str]:
        return dict.fromkeys(await super().aget_many(keys), "")


class AsyncAddIsForEver(Honest):
    """Drops the exp when `add` is awaited."""

    breaks = "BL-13"

    async def aadd(self, key: str, exp: int | None) -> bool:
        return await super().aadd(key, None)


class AsyncSetIsForEver(Honest):
    """Drops the exp when `compare_and_set` is awaited."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        return await super().acompare_and_set(key, old, new, None)


class AsyncTwinAnswersOne(Honest):
    """Answers 1 or 0 when `contains` is awaited."""

    breaks = "BL-13"

    async def acontains(self, key: str) -> bool:
        return int(await super().acontains(key))  # type: ignore[return-value]


class AsyncTwinIsNoCoroutine(Honest):
    """Answers at once where it is to be awaited."""

    breaks = "BL-13"

    def acontains(self, key: str) -> bool:  # type: ignore[override]
        return self.contains(key)


class LooksThenAwaitsAndAdds(Honest):
    """Is one step when called, and two when awaited: other tasks of the loop come in between."""

    breaks = "BL-13"

    async def aadd(self, key: str, exp: int | None) -> bool:
        if await self.acontains(key):
            return False
        await super().aadd(key, exp)
        return True


class LooksThenAwaitsAndSets(Honest):
    """Compares and then sets when awaited: other tasks of the loop come in between."""

    breaks = "BL-13"

    async def acompare_and_set(self, key: str, old: str | None, new: str, exp: int | None) -> bool:
        if old is None:
            return await super().acompare_and_set(key, old, new, exp)
        if (await self.aget_many([key])).get(key) != old:
            return False
        self._set("key = ?", key, value=new, exp=exp)
        return True
