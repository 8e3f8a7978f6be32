from __future__ import annotations
async def test_a(library): await library.shelf()
async def test_b(library): await library.shelf()
async def test_c(library): await library.shelf()
