import pytest

from chaos.errors import BadRequest
from chaos.proxy.address import Address, parse, to_listen


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1:80", Address("127.0.0.1", 80)),
        ("db.internal:5432", Address("db.internal", 5432)),
        ("[::1]:0", Address("::1", 0)),
        (":8474", Address("", 8474)),
    ],
)
def test_an_address_is_read_and_written(written, address):
    assert parse(written) == address
    assert str(address) == written


@pytest.mark.parametrize("written", ["", "host", "host:", "host:http", "host:65536", "::1:80", "[::1]80", "a b:c:1"])
def test_what_is_no_address_is_told(written):
    with pytest.raises(BadRequest, match="is not host:port") as refused:
        parse(written)
    assert refused.value.status == 400


@pytest.mark.parametrize("written", ["", ":0", "0.0.0.0:0", "[::]:0", "localhost:0", "127.0.0.1:0"])
async def test_a_wildcard_is_the_loopback(written):
    assert await to_listen(written, beyond_loopback=False) == Address("127.0.0.1", 0)


async def test_other_addresses_of_the_loopback_are_its_own():
    assert await to_listen("127.8.9.1:5", beyond_loopback=False) == Address("127.8.9.1", 5)
    assert await to_listen("[::1]:5", beyond_loopback=False) == Address("::1", 5)


async def test_beyond_the_loopback_only_when_that_was_said():
    with pytest.raises(BadRequest, match="only addresses of the loopback") as refused:
        await to_listen("192.0.2.1:80", beyond_loopback=False)
    assert refused.value.status == 400
    assert await to_listen("192.0.2.1:80", beyond_loopback=True) == Address("192.0.2.1", 80)
    assert await to_listen(":80", beyond_loopback=True) == Address("0.0.0.0", 80)


async def test_a_name_that_nobody_knows_is_told():
    with pytest.raises(BadRequest, match="lookup nobody") as refused:
        await to_listen("nobody.invalid:80", beyond_loopback=True)
    assert refused.value.status == 500
