"""The route class of the services: documented like any other, with a shorter way to the endpoint and back.

The short way is for endpoints that take nothing and answer a `Response` (the request is in `current_call`), or take one
Pydantic model and answer one. `Intake` calls it without the router where the path is fixed. Everything else (path and
query parameters, dependencies) goes FastAPI's own way, at about three times the cost.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from serving.call import current_call
from serving.errors import UnsupportedContent, validation_error

JSON = "application/json"
Endpoint = Callable[..., Awaitable[Any]]
ShortWay = Callable[[], Awaitable[Response]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ServingRoute(APIRoute):
    """An `APIRoute`; `short_way` answers the current call, and is None where the endpoint needs more of FastAPI."""

    short_way: ShortWay | None

    def get_route_handler(self) -> Handler:
        """The function that FastAPI calls for each request."""
        short_way = self.short_way = self._short_way()
        if short_way is None:
            return super().get_route_handler()

        async def handle(_: Request) -> Response:
            return await short_way()

        return handle

    def _short_way(self) -> ShortWay | None:
        needs = self.dependant
        if needs.request_param_name or needs.dependencies or needs.path_params or needs.query_params:
            return None
        if needs.header_params or needs.cookie_params or needs.response_param_name:
            return None
        if self.body_field is None:
            return self.endpoint if self.response_field is None else None
        asked: Any = self.body_field.field_info.annotation
        answered = self.response_field.field_info.annotation if self.response_field else None
        if len(needs.body_params) != 1 or not (_is_model(asked) and _is_model(answered)):
            return None
        return _typed(self.endpoint, needs.body_params[0].name, asked)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _typed(endpoint: Endpoint, name: str, model: type[BaseModel]) -> ShortWay:
    async def answer() -> Response:
        call = current_call.get()
        content_type = call.headers.get(b"content-type", b"")
        if b"json" not in content_type:
            came = f"got {content_type[:80].decode('latin-1')!r}" if content_type else "none was sent"
            raise UnsupportedContent(f"expected the content type {JSON}, {came}")
        try:
            body = model.model_validate_json(call.body)
        except ValidationError as error:
            raise validation_error(error.errors(include_url=False, include_context=False)) from error
        prediction = await endpoint(**{name: body})
        return Response(prediction.__pydantic_serializer__.to_json(prediction), media_type=JSON)

    return answer
