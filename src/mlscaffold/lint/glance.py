"""A look at a file's bytes, fifty times as quick as a parse: whether it is worth one."""

from __future__ import annotations

import codecs

from mlscaffold.light import expression

# A file that imports none of these and defines none of these functions makes no server.
_SERVERS = frozenset(
    b"fastapi flask litestar starlite starlette quart sanic aiohttp tornado falcon bottle hug robyn blacksheep "
    b"pyramid cherrypy maxfw connexion "
    b"http websockets grpc litserve ray bentoml kserve kfserving mlserver ts cog jina label_studio_ml streamlit "
    b"gradio chainlit nicegui "
    b"dash celery dramatiq huey rq taskiq runpod potassium modal functions_framework apiflask flask_restx "
    b"flask_restful flask_restplus socketio "
    b"socketserver docarray flask_openapi3 taskiq_redis flask_api pytriton airflow prefect dagster "
    b"faststream mcp fastmcp ninja".split()
)
_IMPORTED = expression(rb"\n[ \t]*(?:from|import)[ \t]+([A-Za-z_][A-Za-z0-9_]*)")
_SEVERAL = expression(rb"\n[ \t]*import(?=[ \t\\])((?:[^\n#\\]|\\\r?\n)*,(?:[^\n#\\]|\\\r?\n)*)")
_TOPS = expression(rb"(?:^|,)[ \t\r\n\\]*([A-Za-z_][A-Za-z0-9_]*)")
_BEHIND = (b"; import ", b"; from ", b": import ", b": from ")  # an import that does not begin its line
_FUNCTIONS = (
    b"def model_fn", b"def lambda_handler", b"def handler(", b"def handle(", b"def init()",
    b"TritonPythonModel", b"urlpatterns", b"Servicer",
    b"azure.functions", b"class WorkerSettings",
    b"def predict(event", b"def inference(event", b".task(", b".task\n", b"shared_task",
    b".include_router(", b".register_blueprint(",
)  # fmt: skip


_STARTED = expression(
    rb"uvicorn\.(run|Server)\(|\.launch\(|\b(app|server|demo)\.run\(|serve\.run\(|run_with_|\.serve\(|start_server\("
)


def starts_server(content: bytes) -> bool:
    """Whether a notebook may start what it makes: an application that nobody starts is a sketch."""
    return _STARTED.search(content) is not None


def names_server(content: bytes) -> bool:
    """Whether a file may make a server: a look at its bytes, fifty times as quick as a parse."""
    if any(word in content for word in _FUNCTIONS) or b"_pb2_grpc" in content:
        return True
    content = b"\n" + content.removeprefix(codecs.BOM_UTF8)
    if any(behind in content for behind in _BEHIND):
        content = content.replace(b";", b"\n").replace(b":", b"\n")
    if not _SERVERS.isdisjoint(_IMPORTED.findall(content)):
        return True
    return any(not _SERVERS.isdisjoint(_TOPS.findall(names)) for names in _SEVERAL.findall(content))
