import asyncio

from homeostat.flow.turnstile import Turnstile


async def test_one_passes_at_a_time_in_a_namespace():
    turnstile, inside, most = Turnstile(), {"a": 0, "b": 0}, {"a": 0, "b": 0}
    together = 0

    async def act(namespace: str) -> None:
        nonlocal together
        async with turnstile.of(namespace):
            inside[namespace] += 1
            most[namespace] = max(most[namespace], inside[namespace])
            together = max(together, sum(inside.values()))
            await asyncio.sleep(0)
            inside[namespace] -= 1

    await asyncio.gather(*(act(namespace) for namespace in "aabbaabb"))
    assert most == {"a": 1, "b": 1}
    assert together == 2
