"""A shop for each test: commerce as its process serves it, on a real Postgres."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from services.chassis.call import Call, Caller
from services.chassis.contract import REPOSITORY, Contract, read_contract
from services.commerce.__main__ import build_servicers
from services.records.engine import Engine
from services.records.methods import handlers_beside
from tests.integration.records.library import KEYRING, NoTransport, user

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.chassis.postgres import Pool
    from services.chassis.transport import Handler

PACKAGE = "tenon.commerce.v1"
VARIANT = "products/runner/variants/v42"
BERLIN, PARIS = "locations/berlin", "locations/paris"


@cache
def commerce_contract() -> Contract:
    return read_contract(REPOSITORY / "gen" / "contract.binpb")


class Shop:
    """Calls commerce by the simple names of its methods."""

    def __init__(self, pool: Pool) -> None:
        contract = commerce_contract()
        self.pool = pool
        self.caller = user()
        self.engine = Engine(contract, host="commerce", pool=pool, keyring=KEYRING, schema="commerce")
        self.handlers: dict[str, Handler] = handlers_beside(self.engine, "commerce", build_servicers(self.engine))
        self._paths = {path.rpartition("/")[2]: path for path in self.handlers}

    def of(self, organization: str) -> Shop:
        """Return the same shop as another organization has it."""
        other = copy(self)
        other.caller = user(organization)
        return other

    async def send(self, method: str, caller: Caller | None = None, **fields: Any) -> bytes:
        handler = self.handlers[self._paths[method]]
        call = Call(method=handler.method, metadata={}, transport=NoTransport(), request_id="request-1")
        call.caller = caller or self.caller
        answer: Any = await handler.function(handler.request_type(**fields), call)  # type: ignore[misc]
        return answer if isinstance(answer, bytes) else bytes(answer.SerializeToString())

    async def do(self, method: str, caller: Caller | None = None, **fields: Any) -> Any:
        return self.decode(method, await self.send(method, caller, **fields))

    def path(self, method: str) -> str:
        """Return the path of a method."""
        return self._paths[method]

    def decode(self, method: str, answer: bytes) -> Any:
        """Return an answer as its message."""
        output = self.engine.contract.pool.FindMessageTypeByName(self.handlers[self._paths[method]].method.output)
        message: type[Message] = GetMessageClass(output)
        return message.FromString(answer)

    async def fill(self) -> None:
        """Make one product in one variant, two locations and a customer."""
        for place, kind in ((BERLIN, 1), (PARIS, 2)):
            name = place.rpartition("/")[2]
            await self.do("CreateLocation", location_id=name, location={"display_name": name.title(), "kind": kind})
        await self.do("CreateProduct", product_id="runner", product={"display_name": "Runner"})
        await self.do("ActivateProduct", name="products/runner")
        await self.variant("v42", price=9900, cost_price=4000, display_name="42")
        await self.do("CreateCustomer", customer_id="ada", customer={"display_name": "Ada", "email": "ada@example.com"})

    async def variant(self, id_: str, **fields: Any) -> str:
        body = {"sku": f"R-{id_}", "currency": "EUR", **fields}
        made = await self.do("CreateVariant", parent="products/runner", variant_id=id_, variant=body)
        return str(made.name)

    async def stock(self, quantity: int, variant: str = VARIANT, location: str = BERLIN) -> None:
        await self.do("AdjustStock", variant=variant, location=location, quantity=quantity)

    async def level(self, variant: str = VARIANT, location: str = BERLIN) -> tuple[int, int, int]:
        """Return what there is, what is set aside of it, and what is available."""
        name = f"{variant}/stockLevels/{location.rpartition('/')[2]}"
        found = await self.do("GetStockLevel", name=name)
        return found.on_hand, found.reserved, found.available

    async def order(self, id_: str = "o1", quantity: int = 3, variant: str = VARIANT, **fields: Any) -> str:
        """Make a draft."""
        items = [{"variant": variant, "quantity": quantity}]
        body = {"customer": "customers/ada", "location": BERLIN, "items": items, **fields}
        return str((await self.do("CreateOrder", order_id=id_, order=body)).name)

    async def confirmed(self, **fields: Any) -> str:
        """Make an order that was placed and confirmed."""
        name = await self.order(**fields)
        await self.do("PlaceOrder", name=name)
        await self.do("ConfirmOrder", name=name)
        return name

    async def events(self, type_: str) -> list[Any]:
        """Return the events of a type, in their order."""
        sql = "SELECT * FROM commerce.outbox WHERE type = $1 ORDER BY id"
        return await self.pool.fetch(sql, (f"commerce.tenon/{type_}",))

    async def check_books(self) -> None:
        """Check that the movements of each stock level add up to it, and that none was ever below zero."""
        rows = await self.pool.fetch(
            "SELECT l.name, l.on_hand, l.reserved, l.available, l.reserved_for_orders,"
            " coalesce(sum(m.reserved) FILTER (WHERE m.order <> ''), 0)::bigint AS for_orders,"
            " coalesce(sum(m.quantity), 0)::bigint AS quantity,"
            " coalesce(sum(m.reserved), 0)::bigint AS set_aside, coalesce(min(m.on_hand_after), 0) AS least,"
            " coalesce(min(m.reserved_after), 0) AS least_reserved,"
            " coalesce(min(m.on_hand_after - m.reserved_after), 0) AS least_available"
            " FROM commerce.stock_levels l LEFT JOIN commerce.stock_movements m"
            " ON m.organization = l.organization AND m.stock_level = l.name GROUP BY l.organization, l.name,"
            " l.on_hand, l.reserved, l.available, l.reserved_for_orders"
        )
        for row in rows:
            assert (row["on_hand"], row["reserved"]) == (row["quantity"], row["set_aside"]), row
            assert 0 <= row["reserved_for_orders"] == row["for_orders"] <= row["reserved"], row
            assert row["available"] == row["on_hand"] - row["reserved"] >= 0, row
            assert min(row["least"], row["least_reserved"], row["least_available"]) >= 0, row
