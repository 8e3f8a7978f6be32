"""Serves AccessModelService."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenon.auth.v1 import access_model_pb2

from services.auth.domain.access.model import Condition, ModelText, ParameterType, RelationText, TypeText
from services.auth.domain.errors.access import AccessModelChanged, AccessModelMissing
from services.auth.servicer.caller import doer_of

if TYPE_CHECKING:
    from tenon.auth.v1 import access_model_service_pb2 as pb

    from services.auth.domain.access.relations import RelationStore
    from services.auth.domain.access.writing import AccessWriting
    from services.chassis.call import Call

_KINDS = {
    number: ParameterType(name.removeprefix("ACCESS_PARAMETER_TYPE_").lower())
    for name, number in access_model_pb2.AccessParameterType.items()
    if number
}
_NUMBERS = {kind: number for number, kind in _KINDS.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessModelServicer:
    """Keeps access models."""

    writing: AccessWriting
    """Writes them."""
    store: RelationStore
    """Reads them."""

    async def GetAccessModel(self, request: pb.GetAccessModelRequest, call: Call) -> access_model_pb2.AccessModel:
        """Return the organization's model."""
        del request
        state, text = await self.store.now(call.caller.organization).load_model()
        if text is None:
            raise AccessModelMissing
        return _show(text, state.model_revision)

    async def UpdateAccessModel(self, request: pb.UpdateAccessModelRequest, call: Call) -> access_model_pb2.AccessModel:
        """Write the organization's model."""
        text, etag = _read(request.access_model), request.access_model.etag
        if etag and not etag.isdecimal():
            raise AccessModelChanged
        expected = int(etag) if etag else None
        state = await self.writing.replace_model(call.caller.organization, text, expected, doer_of(call))
        return _show(text, state.model_revision)


def _read(message: access_model_pb2.AccessModel) -> ModelText:
    return ModelText(
        types=tuple(
            TypeText(
                name=one.name,
                relations=tuple(
                    RelationText(name=entry.name, subjects=tuple(entry.subjects), expression=entry.expression)
                    for entry in one.relations
                ),
                permissions=tuple(
                    RelationText(name=entry.name, expression=entry.expression) for entry in one.permissions
                ),
            )
            for one in message.types
        ),
        conditions=tuple(
            Condition(
                name=one.name,
                expression=one.expression,
                parameters={name: _KINDS[number] for name, number in sorted(one.parameters.items())},
            )
            for one in message.conditions
        ),
    )


def _show(text: ModelText, revision: int) -> access_model_pb2.AccessModel:
    message = access_model_pb2.AccessModel(etag=str(revision))
    for one in text.types:
        shown = message.types.add(name=one.name)
        for entry in one.relations:
            shown.relations.add(name=entry.name, subjects=entry.subjects, expression=entry.expression)
        for entry in one.permissions:
            shown.permissions.add(name=entry.name, expression=entry.expression)
    for condition in text.conditions:
        message.conditions.add(
            name=condition.name,
            expression=condition.expression,
            parameters={name: _NUMBERS[kind] for name, kind in condition.parameters.items()},
        )
    return message
