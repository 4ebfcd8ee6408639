"""What each part of the node manager is made of, so that one process runs any of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from aiohttp import web

from components.mesh import forms
from components.mesh.httpsign import Signed
from components.mesh.web import Refusal
from components.node_manager.desk import Desk
from components.node_manager.gate import Gate, told
from components.node_manager.ledger import Ledger
from components.node_manager.plan import Plan

T = TypeVar("T")
Form = TypeVar("Form")


@dataclass(frozen=True)
class Part:
    """The desk and the gate that the parts of one process share."""

    desk: Desk
    gate: Gate

    async def change(self, signed: Signed, rule: Callable[[Ledger, float], Plan[T]]) -> T:
        """Carry out what a rule decides for the one who signed. Raises `Refusal`."""
        return await self.desk.change(self.gate.paid(signed.key, rule), signed)

    async def signed(self, request: web.Request, form: type[Form]) -> tuple[Signed, Form]:
        """Who signed, and the body in its form. Raises `Refusal`."""
        signed, body = await self.gate.signed(request)
        return signed, told(lambda: forms.decode(body, form))

    async def signed_list(self, request: web.Request, form: type[Form]) -> tuple[Signed, list[Form]]:
        """The same for a body with a bounded number of them."""
        signed, raw = await self.signed(request, list[msgspec.Raw])
        if len(raw) > forms.MOST_IN_BODY:
            raise Refusal(413, "length", f"at most {forms.MOST_IN_BODY} in one request")
        return signed, told(lambda: [forms.decode(bytes(each), form) for each in raw])
