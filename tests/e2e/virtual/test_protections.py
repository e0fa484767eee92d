"""Each protection is worth having: with it a promise holds, without it the same promise is broken."""

import pytest

from rag.settings import ResilienceSettings
from tests.support.scenarios import BY_PROTECTION


def test_every_protection_that_can_be_switched_off_has_its_scenario():
    switches = {name for name, field in ResilienceSettings.model_fields.items() if field.annotation is bool}
    assert set(BY_PROTECTION) == switches


@pytest.mark.parametrize("scenario", BY_PROTECTION.values(), ids=BY_PROTECTION)
async def test_with_all_protections_it_holds(make, scenario):
    await scenario(make)


@pytest.mark.parametrize(("switch", "scenario"), BY_PROTECTION.items(), ids=BY_PROTECTION)
async def test_with_this_one_off_it_does_not(make, switch, scenario):
    async def without(**settings):
        return await make(**settings | {"resilience": settings.get("resilience", {}) | {switch: False}})

    with pytest.raises(AssertionError):
        await scenario(without)


@pytest.mark.parametrize(("switch", "scenario"), BY_PROTECTION.items(), ids=BY_PROTECTION)
async def test_it_is_this_one_that_makes_it_hold(make, switch, scenario):
    """With every other protection off as well: none of the others does its work."""
    others = {name: False for name in BY_PROTECTION if name != switch}
    needed = NEEDED.get(switch, ())

    async def alone(**settings):
        resilience = settings.get("resilience", {}) | others | dict.fromkeys(needed, True)
        return await make(**settings | {"resilience": resilience})

    await scenario(alone)


#: What a protection works upon: a breaker opens on calls that time out, and a budget bounds retries.
NEEDED = {"breakers": ("timeouts",), "retry_budget": ("retries",)}
