"""Turns messages into the domain and back, one servicer for each service; what they do not have, records serve."""

from __future__ import annotations

from services.commerce.servicer.inventory import InventoryServicer
from services.commerce.servicer.orders import OrderServicer
from services.commerce.servicer.purchasing import PurchasingServicer

__all__ = ["InventoryServicer", "OrderServicer", "PurchasingServicer"]
