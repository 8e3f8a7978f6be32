"""The fake of `RelationStore` does what the real one does."""

from __future__ import annotations

import pytest

from tests.fakes.auth_access import FakeRelations
from tests.fakes.auth_access_conformance import RelationStoreConformance


class TestFakeRelations(RelationStoreConformance):
    """`FakeRelations`."""

    @pytest.fixture
    def store(self) -> FakeRelations:
        return FakeRelations()
