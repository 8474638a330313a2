"""Open Inference Protocol v2 over gRPC, beside REST: the same loop, the same model, the same places and deadlines."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

import grpc

from serving.call import CallerGone, call_from, current_call, read_deadline
from serving.errors import DeadlineExceeded, NotReady, Overloaded, ServingError
from serving.grpc_codec import decode_request, encode_answer
from serving.grpc_messages import SERVICE, Message, message
from serving.logs import AccessLog
from serving.model import ServedModel
from serving.parts import Parts
from serving.protocol import decode_inputs, wanted_outputs
from serving.repository import ModelInvalid
from serving.v2 import Served, read_parameters

LOGGER = logging.getLogger(__name__)
Context = grpc.aio.ServicerContext
Method = Callable[[Message, Context], Awaitable[Message]]

# HTTP's status of an error -> gRPC's.
STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class GrpcDoor:
    """Opened before the model is loaded, so that probes are answered; closed before the model is."""

    def __init__(self, model: ServedModel, parts: Parts, *, name: str, version: str, port: int) -> None:
        self._model = model
        self._served = Served([model])
        self._parts = parts
        self._name = name
        self._version = version
        self._port = port
        self._server: grpc.aio.Server | None = None
        identity = model.card.identity
        self._identity = tuple(identity.items())
        self._access_log = AccessLog(name, identity) if parts.settings.log_requests else None

    async def open(self) -> None:
        """Listen, then load the model.

        Raises:
            ModelInvalid: the port is taken, or the model cannot be served.
        """
        settings = self._parts.settings
        options = [
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a second server on it
        ]
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, self._handlers()),))
        try:
            port = self._server.add_insecure_port(f"{settings.host}:{self._port}")
        except RuntimeError as error:
            raise ModelInvalid(f"gRPC cannot listen on {settings.host}:{self._port}: {error}") from error
        await self._server.start()
        LOGGER.info("gRPC listens", extra={"fields": {"grpc_port": port}})
        await self._model.load()

    async def close(self) -> None:
        """Let the running calls finish within the longest deadline, then end the model."""
        if self._server:
            await self._server.stop(self._parts.settings.deadline_ms / 1000)
        if self._access_log:
            self._access_log.flush()
        await self._model.close()

    def _handlers(self) -> Mapping[str, grpc.RpcMethodHandler]:
        methods: dict[str, Method] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
        }
        return {
            name: grpc.unary_unary_rpc_method_handler(
                self._around(name, method),
                request_deserializer=message(f"{name}Request").FromString,
                response_serializer=message(f"{name}Response").SerializeToString,
            )
            for name, method in methods.items()
        }

    def _around(self, name: str, method: Method) -> Method:
        """Identity, metrics, log line and errors of one method."""
        path = f"/{SERVICE}/{name}"

        async def handle(request: Message, context: Context) -> Message:
            started = time.perf_counter()
            headers = {_bytes(key): _bytes(value) for key, value in context.invocation_metadata() or ()}
            call = call_from(headers, longest_ms=self._parts.settings.deadline_ms)
            token = current_call.set(call)
            status = 499  # cancelled by the caller, or by its deadline
            try:
                await context.send_initial_metadata((*self._identity, ("x-request-id", call.request_id)))
                if (left_s := context.time_remaining()) is not None:
                    call.shorten(left_s * 1000)
                read_deadline(call, headers.get(b"x-deadline-ms"))
                answer = await method(request, context)
                status = 200
                return answer
            except ServingError as error:
                status = error.status
                await _abort(context, error)
            except CallerGone:
                await context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")
            except Exception:
                status = 500
                LOGGER.exception("unexpected error")
                await context.abort(grpc.StatusCode.INTERNAL, "unexpected error; the log has it under this request id")
            finally:
                self._record(path, status, time.perf_counter() - started)
                current_call.reset(token)

        return handle

    def _record(self, path: str, status: int, seconds: float) -> None:
        self._parts.metrics.count("GRPC", path, status, seconds)
        if self._access_log:
            self._access_log("GRPC", path, status, seconds)

    async def _server_live(self, _: Message, __: Context) -> Message:
        return message("ServerLiveResponse")(live=True)

    async def _server_ready(self, _: Message, __: Context) -> Message:
        return message("ServerReadyResponse")(ready=not self._parts.lifecycle.not_ready_because)

    async def _model_ready(self, request: Message, _: Context) -> Message:
        self._served.find(request.name, request.version or None)
        return message("ModelReadyResponse")(ready=not self._parts.lifecycle.not_ready_because)

    async def _server_metadata(self, _: Message, __: Context) -> Message:
        return message("ServerMetadataResponse")(name=self._name, version=self._version)

    async def _model_metadata(self, request: Message, _: Context) -> Message:
        found = self._served.find(request.name, request.version or None)
        described = message("ModelMetadataResponse")(name=found.name, versions=[found.version], platform=found.platform)
        for specs, tensors in (
            (found.signature.inputs, described.inputs),
            (found.signature.outputs, described.outputs),
        ):
            for spec in specs:
                tensors.add(name=spec.name, datatype=spec.datatype, shape=spec.shape)
        return described

    async def _model_infer(self, request: Message, _: Context) -> Message:
        backend = self._served.find(request.model_name, request.model_version or None)
        with self._parts.admission:
            asked, binary = decode_request(request)
            read_parameters(asked, current_call.get())
            signature = backend.signature
            wanted = wanted_outputs(asked, signature)
            feeds = decode_inputs(asked, binary, signature)
            results = await backend.infer(feeds, list(wanted))
        return encode_answer(backend, asked.id, results, signature)


async def _abort(context: Context, error: ServingError) -> NoReturn:
    """End the call with gRPC's status for an error; a shed one says in `retry-after` (seconds) when to come again."""
    shed = isinstance(error, Overloaded)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED if shed else STATUS.get(error.status, grpc.StatusCode.INTERNAL)
    if isinstance(error, DeadlineExceeded):
        code = grpc.StatusCode.DEADLINE_EXCEEDED
    trailing = (("retry-after", (error.headers or {})["retry-after"]),) if isinstance(error, NotReady) else ()
    await context.abort(code, str(error), trailing)
    raise AssertionError("abort raises")


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
