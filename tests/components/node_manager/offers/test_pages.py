"""Services and uptimes over HTTP."""

from components.mesh.keys import hex66
from tests.support.manager import managing, person

ONE, TWO = person(1), person(2)
ADDRESS = f"{hex66(ONE.public_key)}:44"
OFFER = {"address": ADDRESS, "type": "vpn", "version": "1.0", "info": {"country": "se"}}


async def test_a_service_is_offered_found_and_withdrawn() -> None:
    async with managing() as manager:
        status, told = await manager.signed(ONE, "POST", "/api/services", OFFER)
        assert (status, told["expires_s"]) == (201, 300)
        assert (await manager.ask("GET", "/api/services?type=vpn"))[1] == [told]
        assert (await manager.ask("GET", f"/api/services?after=vpn:{ADDRESS}"))[1] == []
        assert (await manager.ask("GET", "/api/services?type=chat"))[1] == []
        assert (await manager.signed(TWO, "POST", "/api/services", OFFER))[0] == 403
        assert (await manager.signed(TWO, "DELETE", f"/api/services/{ADDRESS}"))[0] == 403
        assert (await manager.signed(ONE, "DELETE", f"/api/services/{ADDRESS}?type=chat"))[0] == 404
        assert (await manager.signed(ONE, "DELETE", f"/api/services/{ADDRESS}?type=vpn"))[1] == {
            "withdrawn": 1
        }
        assert [each.data["what"] for each in manager.news] == ["offered", "withdrawn"]


async def test_an_offer_of_another_form_is_refused() -> None:
    async with managing() as manager:
        for more in ({"type": "V P N"}, {"info": {"a": 1}}, {"lease_s": 1}, {"extra": 1}, {"address": "x"}):
            assert (await manager.signed(ONE, "POST", "/api/services", {**OFFER, **more}))[0] == 400


async def test_uptimes_are_told_of_some_or_of_all() -> None:
    async with managing() as manager:
        for who in (ONE, TWO):
            address = f"{hex66(who.public_key)}:44"
            await manager.signed(who, "POST", "/api/services", {**OFFER, "address": address})
        manager.now += 100
        _, told = await manager.ask("GET", f"/uptimes?pks={ONE.public_key.hex()}")
        assert [(each["pk"], each["up_s"], each["online"]) for each in told] == [
            (hex66(ONE.public_key), 100, True)
        ]
        assert len((await manager.ask("GET", "/uptimes"))[1]) == 2
        assert (await manager.ask("GET", "/uptimes?pks=x"))[0] == 400
