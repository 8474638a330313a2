"""A report as the linter makes them, with the hostile texts that a repository may hold."""

from mlscaffold.light import replace
from mlscaffold.lint.finding import Finding, Location, Report, SkippedFile, SuppressedFinding
from mlscaffold.lint.service import Entry, Handler, Model, Service
from mlscaffold.patterns import Suggestion

HOSTILE = 'a "b"\n<script>alert(1)</script>\x1b[31m]]>|`#,::set-output\u202e%.py'
UNENCODABLE = b"caf\xe9.py".decode("utf-8", "surrogateescape")

SERVICE = Service(
    id="api",
    kind="web",
    framework="fastapi",
    root="",
    entry=Entry("app.py", 3),
    models=(
        Model("ner.onnx", "onnxruntime", "ml.py", 2, "model", "module", 120_000_000, None, "file"),
        Model("bert-large", "transformers", "ml.py", 3, "model", "module", None, 340_000_000, "name"),
    ),
    handlers=(Handler("POST /predict", "app.py", 6, is_async=True),),
)

FOUND = Finding(
    code="MLS101",
    name="several-models-in-one-server",
    severity="error",
    confidence="high",
    service="api",
    message="2 models, 1.5 GB, in one server",
    why="they fail, scale and are released together",
    locations=(
        Location("ml.py", 2, 7, 31, "first model loaded here"),
        Location("ml.py", 3, 8, None, "second model loaded here"),
        Location("app.py", 6, 1, None, "both answer this request"),
    ),
    suggestion=Suggestion("web-single", "api", (("ner", "ner.onnx"),)),
    subjects=("ner.onnx", "bert-large"),
)
UNSTAMPED = replace(FOUND, code="MLS201", name="big-model-online", severity="warning", suggestion=Suggestion("edge"))
NASTY = replace(
    FOUND,
    code="MLS203",
    severity="info",
    service=HOSTILE,
    message=HOSTILE,
    why=HOSTILE,
    locations=(Location(HOSTILE, 1, 1, None, HOSTILE), Location(UNENCODABLE, 99, 5, 3, "")),
    suggestion=None,
    subjects=(HOSTILE,),
)

REPORT = Report(
    root=".",
    services=(SERVICE, replace(SERVICE, id=HOSTILE, entry=Entry(HOSTILE, 1), models=(), handlers=())),
    findings=(FOUND, UNSTAMPED, NASTY),
    skipped=(SkippedFile(HOSTILE, "is no Python: line 1"), SkippedFile(UNENCODABLE, "has 50 MB")),
    suppressed=(SuppressedFinding(replace(FOUND, service="other"), "agreed with ops", "app.py", 1),),
    baselined=(replace(FOUND, service="old"),),
    files_read=7,
)
CLEAN = Report(root=".", services=(SERVICE,), findings=())
EMPTY = Report(root=".", services=(), findings=())
