"""What deploy files start: commands, images, compose files, manifests, scripts; and that none of them ends the run."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlscaffold.lint.deploy.command import commands
from mlscaffold.lint.deploy.joined import deployment
from mlscaffold.lint.deploy.process import Deployment
from mlscaffold.lint.deploy.quantity import bytes_of, every_s, seconds_of

SERVER = "app/main.py"


def deployed(files: Mapping[str, str]) -> Deployment:
    """The processes of a repository of these files."""
    python = [path for path in files if path.endswith(".py")]
    config = [path for path in files if not path.endswith(".py")]
    return deployment(python, config, lambda path: files[path].encode() if path in files else None)


def told(files: Mapping[str, str]) -> list[tuple[str, str, int, float | None, float | None]]:
    """(container, entry, line, workers, memory) of each process."""
    return [
        (
            process.container,
            ", ".join(process.entries),
            process.command.line,
            process.command.workers.value if process.command.workers else None,
            process.memory.value if process.memory else None,
        )
        for process in deployed(files).processes
    ]


@pytest.mark.parametrize(
    ("line", "server", "target", "workers"),
    [
        ("gunicorn -w 4 app.main:app", "gunicorn", "app.main", 4),
        ("gunicorn --workers=4 'app.main:create_app()'", "gunicorn", "app.main", 4),
        ("exec poetry run gunicorn app.wsgi --log-file -", "gunicorn", "app.wsgi", None),
        ("WEB_CONCURRENCY=3 gunicorn -k uvicorn.workers.UvicornWorker app.main:app", "gunicorn", "app.main", 3),
        ("gunicorn --workers ${WORKERS:-2} app.main:app", "gunicorn", "app.main", 2),
        ("gunicorn --workers $SET app.main:app", "gunicorn", "app.main", 7),
        ("gunicorn --workers $NOBODY_KNOWS app.main:app", "gunicorn", "app.main", None),
        ("gunicorn --workers $(nproc) app.main:app", "gunicorn", "app.main", None),
        ("cd /srv && uvicorn app.main:app --workers 2 --reload", "uvicorn", "app.main", 2),
        ("python -m uvicorn app.main:app", "uvicorn", "app.main", None),
        ("python3.11 -u -W ignore app/main.py --workers 2", "python", "app/main.py", 2),
        ("python -m app", "python", "app", None),
        ("python manage.py runserver 0.0.0.0:8000", "django", "manage.py", None),
        ("sh -c 'hypercorn -w 2 app.main:app'", "hypercorn", "app.main", 2),
        ("granian --interface asgi --workers 2 app.main:app", "granian", "app.main", 2),
        ("celery -A app.tasks worker -c 5", "celery", "app.tasks", 5),
        ("celery -A app.tasks worker -P solo -c 5", "celery", "app.tasks", 1),
        ("celery --app=app.tasks worker --autoscale=8,2", "celery", "app.tasks", 8),
        ("arq app.tasks.WorkerSettings", "arq", "app.tasks", None),
        ("streamlit run app/page.py --server.port 80", "streamlit", "app/page.py", None),
        ("fastapi run app/main.py --workers 3", "fastapi", "app/main.py", 3),
        ("flask --app app.main run", "flask", "app.main", None),
        ("serve run app.main:deployment -p 80", "serve", "app.main", None),
        ("uwsgi --http :80 --module app.main:app --processes 6", "uwsgi", "app.main", 6),
        ("waitress-serve --listen=0.0.0.0:80 app.main:app", "waitress-serve", "app.main", None),
        ("dumb-init -- gunicorn -w2 app.main:app", "gunicorn", "app.main", 2),
        ("handler.lambda_handler", "lambda", "handler.py", None),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_a_command_line(line: str, server: str, target: str, workers: int | None) -> None:
    (found,) = commands(line, "x.sh", 1, {"SET": "7"})
    assert (found.server, found.target and found.target.text) == (server, target)
    assert (found.workers and found.workers.value) == workers


@pytest.mark.parametrize(
    "line",
    [
        "pip install gunicorn uvicorn",
        "echo uvicorn app.main:app",
        "# gunicorn app.main:app",
        "python manage.py migrate",
        "python -c 'print(1)'",
        "python -m venv",
        "pkill -f gunicorn",
        "unclosed 'quote",
        "",
    ],
)
def test_lines_that_start_no_server_of_the_repository(line: str) -> None:
    files = {"x.sh": line, SERVER: "", "manage.py": ""}
    assert [process.entries for process in deployed(files).processes if process.entries] == []


def test_what_one_line_says_besides() -> None:
    line = "gunicorn --preload --threads 8 -t 90 -b 0.0.0.0:9000 app.main:app & uvicorn other:app"
    first, second = commands(line, "x.sh", 3, {})
    assert (first.preload, first.threads and first.threads.value, first.timeout_s and first.timeout_s.value) == (True, 8, 90)
    assert (first.port, first.background, second.background, second.preload) == (9000, True, False, False)


def test_a_secret_in_the_environment_is_not_shown() -> None:
    (found,) = commands("python app/main.py --key $KEY", "x.sh", 1, {"KEY": "hunter2"})
    assert "hunter2" not in found.text


@pytest.mark.parametrize(
    ("text", "decimal", "size"),
    [
        ("512Mi", True, 512 * 2**20),
        ("512M", True, 512_000_000),
        ("512m", False, 512 * 2**20),
        ("1.5g", False, int(1.5 * 2**30)),
        ("2GB", False, 2 * 2**30),
        ("2Gi", True, 2 * 2**30),
        ("1000000", True, 1_000_000),
        ("lots", True, None),
        ("${MEMORY}", False, None),
        ("-1", False, None),
    ],
)
def test_sizes(text: str, decimal: bool, size: int | None) -> None:
    assert bytes_of(text, decimal=decimal) == size


def test_times_and_schedules() -> None:
    assert [seconds_of(text) for text in ("30", "1.5s", "2m", "500ms", "1h", "soon")] == [30, 1.5, 120, 0.5, 3600, None]
    lines = ("* * * * *", "*/5 * * * *", "7 * * * *", "0 */2 * * *", "0 3 * * *", "@daily", "0 3 * * 1", "*/0 * * * *", "x")
    assert [every_s(line) for line in lines] == [60, 300, 3600, 7200, 86400, 86400, None, None, None]


def test_a_dockerfile() -> None:
    dockerfile = "\n".join(
        [
            "ARG BASE=python:3.12",
            "FROM $BASE AS base",
            "ENV WORKERS=3 \\",
            "    # a comment in between",
            "    OTHER='x y'",
            "FROM base",
            "WORKDIR /srv",
            "RUN <<EOF",
            "uvicorn is:not",
            "EOF",
            "# CMD python old.py",
            "CMD gunicorn -w ${WORKERS} \\",
            "    app.main:app",
        ]
    )
    assert told({"Dockerfile": dockerfile, SERVER: ""}) == [("Dockerfile", SERVER, 12, 3, None)]


def test_an_entry_point_takes_the_command_as_its_arguments() -> None:
    dockerfile = 'FROM x\nENTRYPOINT ["gunicorn", "-w", "2"]\nCMD ["app.main:app"]\n'
    assert told({"Dockerfile": dockerfile, SERVER: ""}) == [("Dockerfile", SERVER, 3, 2, None)]


def test_a_script_that_an_image_runs() -> None:
    files = {
        "Dockerfile": 'FROM x\nENV N=2\nCOPY . .\nCMD ["./start.sh"]\n',
        "start.sh": '#!/bin/sh\nset -e\nM=$N\nexec uvicorn app.main:app \\\n  --workers "$M"\n',
        SERVER: "",
    }
    assert told(files) == [("Dockerfile", SERVER, 4, 2, None)]


def test_branches_of_a_script_are_no_company() -> None:
    script = "if [ $DEV ]; then\n  python app/main.py &\nelse\n  python app/other.py\nfi\n"
    containers = {container for container, *_ in told({"start.sh": script, SERVER: "", "app/other.py": ""})}
    assert len(containers) == 2


COMPOSE = """
x-limits: &limits
  deploy: {resources: {limits: {memory: 2G}}, replicas: 3}
services:
  api:
    <<: *limits
    build: {context: api, target: run}
    environment:
      - MODEL=one
    env_file: common.env
    ports: ["8080:80"]
  other:
    image: me/api:1
    command: ["gunicorn", "-w", "${COUNT:-5}", "app.main:app"]
    mem_limit: 512m
    environment: {MODEL: two}
  worker:
    build: ./api
    command: celery -A app.tasks worker -c 2
  db:
    image: postgres
"""
COMPOSED = {
    "compose.yaml": COMPOSE,
    "common.env": "# settings\nSHARED='yes'\n",
    ".env": "COUNT=6\n",
    "api/Dockerfile": 'FROM x AS run\nENV MODEL=none LEVEL=low\nCMD ["uvicorn", "app.main:app"]\nFROM run\nCMD ["no"]\n',
    "api/app/main.py": "",
    "api/app/tasks.py": "",
    "other/app/main.py": "",
}


def test_a_compose_file() -> None:
    assert told(COMPOSED) == [
        ("compose.yaml:api", "api/app/main.py", 3, None, 2 * 2**30),
        ("compose.yaml:other", "api/app/main.py", 14, 6, 512 * 2**20),
        ("compose.yaml:worker", "api/app/tasks.py", 19, 2, None),
    ]


def test_its_environment_replicas_and_ports() -> None:
    api = deployed(COMPOSED).processes[0]
    assert dict(api.environment) == {"MODEL": "one", "LEVEL": "low", "SHARED": "yes"}
    assert (api.replicas, api.command.port) == (3, 80)


def test_a_file_that_changes_another() -> None:
    files = {**COMPOSED, "compose.prod.yaml": "services:\n  api:\n    deploy: {resources: {limits: {memory: 1g}}}\n"}
    assert ("compose.prod.yaml:api", "api/app/main.py", 3, None, 2**30) in told(files)


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {MODEL: big, LEVEL: "3"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: server
          image: registry.example/api:1
          args: ["-w", "4"]
          envFrom: [{configMapRef: {name: settings}}]
          env: [{name: OTHER, valueFrom: {configMapKeyRef: {name: settings, key: LEVEL}}}]
          resources: {limits: {memory: 1Gi}}
        - {name: proxy, image: "envoyproxy/envoy:v1"}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "*/10 * * * *"
  jobTemplate:
    spec:
      activeDeadlineSeconds: 300
      template: {spec: {containers: [{name: score, image: api, command: [python, score.py]}]}}
"""


def test_manifests() -> None:
    files = {
        "k8s/all.yaml": MANIFEST,
        "Dockerfile": 'FROM x\nENTRYPOINT ["gunicorn", "app.main:app"]\n',
        SERVER: "",
        "score.py": "",
    }
    assert told(files) == [
        ("k8s/all.yaml:api:server", SERVER, 17, 4, 2**30),
        ("k8s/all.yaml:nightly:score", "score.py", 31, None, None),
    ]
    api, nightly = deployed(files).processes
    assert (dict(api.environment), api.replicas) == ({"MODEL": "big", "LEVEL": "3", "OTHER": "3"}, 2)
    assert nightly.schedule_s and nightly.schedule_s.value == 600
    assert nightly.command.timeout_s and nightly.command.timeout_s.value == 300


SUPERVISED = "[supervisord]\nnodaemon=true\n[program:api]\ncommand=uvicorn app.main:app --workers 2\n; command=no\n"
UNIT = "[Service]\nMemoryMax=1G\nExecStart=/venv/bin/gunicorn -w 3 app.main:app\n"
FUNCTIONS = "provider: {memorySize: 512}\nfunctions:\n  f:\n    handler: app/main.handler\n"
SAM = """Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: app/, Handler: main.go, MemorySize: 256}
"""
SETTINGS = {
    "Dockerfile": "FROM x\nENV W=5\nCMD gunicorn -c conf/g.py app.main:app\n",
    "conf/g.py": "import os\nworkers = int(os.getenv('W', '2'))\n",
}
UWSGI = {"uwsgi.ini": "[uwsgi]\nmodule = app.main:app\nprocesses = 4\n", "run.sh": "uwsgi --ini uwsgi.ini\n"}
LINES = "web: gunicorn -w 2 app.main:app\nworker: python app/main.py\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Procfile": LINES}, [("Procfile:web", 1, 2, None), ("Procfile:worker", 2, None, None)]),
        ({"conf/supervisord.conf": SUPERVISED}, [("conf/supervisord.conf", 4, 2, None)]),
        ({"bentofile.yaml": "service: 'app.main:svc'\nlabels: {}\n"}, [("bentofile.yaml", 1, None, None)]),
        ({"api.service": UNIT}, [("api.service", 3, 3, 2**30)]),
        ({"serverless.yml": FUNCTIONS}, [("serverless.yml:f", 4, None, 512 * 2**20)]),
        ({"template.yaml": SAM}, [("template.yaml:F", 4, None, 256 * 2**20)]),
        (UWSGI, [("run.sh", 1, 4, None)]),
        (SETTINGS, [("Dockerfile", 3, 5, None)]),
    ],
    ids=["Procfile", "supervisord", "bento", "systemd", "serverless", "SAM", "uwsgi.ini", "gunicorn settings"],
)
def test_other_files(files: dict[str, str], expected: list[tuple[str, int, float | None, float | None]]) -> None:
    found = told({**files, SERVER: ""})
    assert [(container, line, workers, memory) for container, _, line, workers, memory in found] == expected
    assert {entry for _, entry, *_ in found} == {SERVER}


def test_kinds_that_are_only_defined_are_passed_over_and_lines_stay() -> None:
    kinds = (
        "apiVersion: v1\nkind: CustomResourceDefinition\nspec:\n  containers:\n"
        + "  - {name: x, command: [python, score.py]}\n" * 60_000
    )
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: night}\nspec:\n  template:\n    spec:\n      containers:\n"
        "      - {name: score, image: api, command: [python, score.py]}\n"
    )
    alone = told({"score.py": "", "k8s/job.yaml": job})
    among = told({"score.py": "", "k8s/job.yaml": f"{kinds}---\n{job}---\n{kinds}"})
    assert [(container, entry) for container, entry, *_ in among] == [(container, entry) for container, entry, *_ in alone] != []
    assert among[0][2] == alone[0][2] + kinds.count("\n") + 1


def test_several_packages_of_one_name() -> None:
    files = {f"{place}/Dockerfile": "FROM x\nCMD uvicorn app.main:app\n" for place in ("one", "two")}
    files |= {f"{place}/app/main.py": "" for place in ("one", "two")}
    assert [(container, entry) for container, entry, *_ in told(files)] == [
        ("one/Dockerfile", "one/app/main.py"),
        ("two/Dockerfile", "two/app/main.py"),
    ]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"Dockerfile": "FROM x\nCMD uvicorn app.server:app\n"}, True),
        ({"Dockerfile": "FROM x\nCMD python serve.py\n"}, True),
        ({"Dockerfile": "FROM x\nCMD uvicorn app.main:app\n"}, False),
        ({"Dockerfile": "FROM x\nCMD uvicorn somepackage.server:app\n"}, False),
        ({"Dockerfile": "FROM x\nCMD python -m somepackage\n"}, False),
        ({"Dockerfile": "FROM x\nRUN git clone y\nCMD python serve.py\n"}, False),
        ({"Dockerfile": "FROM x\nCMD python /opt/serve.py\n"}, False),
        ({"Dockerfile": "FROM x\nCMD python $SCRIPT.py\n"}, False),
        ({"Dockerfile": "FROM x\nCMD bentoml serve fraud:latest\n"}, False),
        ({"deploy/Dockerfile": "FROM x\nCMD python serve.py\n"}, False),
        ({"compose.yaml": "services:\n  a:\n    image: nobody/knows\n    command: python serve.py\n"}, False),
    ],
    ids=[
        "module",
        "script",
        "there",
        "a package's",
        "a package",
        "cloned",
        "the image's own",
        "a variable",
        "a built bento",
        "another context",
        "image unknown",
    ],
)
def test_what_is_not_there(files: dict[str, str], missing: bool) -> None:
    assert [process.missing for process in deployed({**files, SERVER: ""}).processes] == [missing]


ALIASES = (f"  {name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True))
BOMB = "services:\n  a: &a [" + "1, " * 9 + "1]\n" + "".join(ALIASES)
LOOP = "services: &a\n  a: *a\n  <<: *a\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("services:\n  api: {{ .Values.image }}\n", "template"),
        ("services:\n  api: [1, 2\n", "no YAML"),
        ("services:\n  api: \t- x\n: :\n", "no YAML"),
        ("services:\n  a: " + "[" * 200 + "]" * 200 + "\n", "nested too deeply"),
        ("services:\n" + "".join(f"  s{n}: x\n" for n in range(60_000)), "more than 50,000 values"),
        ("services:\n  \udcff: x\n", "no YAML"),
    ],
    ids=["Helm", "cut", "tabs", "deep", "long", "bytes"],
)
def test_what_cannot_be_read_is_skipped_with_its_reason(content: str, reason: str) -> None:
    read = {"compose.yaml": content.encode(errors="surrogateescape"), "Procfile": b"web: python app/main.py"}
    found = deployment([SERVER], ["compose.yaml", "Procfile"], read.get)
    assert [(file.path, reason in file.reason) for file in found.skipped] == [("compose.yaml", True)]
    assert [process.entries for process in found.processes] == [(SERVER,)]


@pytest.mark.parametrize("content", [BOMB, LOOP, "services: [1]\n", "- services:\n", "services:\n  a: 1\n"])
def test_odd_yaml_is_harmless(content: str) -> None:
    assert deployed({"compose.yaml": content, SERVER: ""}).processes == ()


NAMES = "Dockerfile compose.yaml k8s/all.yaml Procfile start.sh supervisord.conf api.service serverless.yml .env".split()
CHAINED = 'FROM x\nENTRYPOINT ["sh", "start.sh"]\nCMD gunicorn -w 2 app.main:app\n'
BRANCHES = 'if x; then\nexec uvicorn app.main:app --workers ${N:-2} & \nfi\nA=$A\nexport B="$(x)"\n'
GOOD = [COMPOSE, MANIFEST, SUPERVISED, UNIT, FUNCTIONS, SAM, LINES, CHAINED, BRANCHES, "apiVersion: 1\nkind: ConfigMap\n"]
SIGNS = "&a *a << - : { [ ' \" $( ${ \\ # | >".split()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A deploy file with a piece of another, or of anything, somewhere in it."""
    text = draw(st.sampled_from(GOOD))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    piece = draw(
        st.one_of(st.text(max_size=20), st.sampled_from(GOOD), st.sampled_from("&a *a << - : { [ ' \" $( ${ \\ # | >".split()))
    )
    return (text[:start] + piece + text[end:]).encode(errors="surrogatepass")


@settings(deadline=None)  # the first file in YAML pays for the import of its parser
@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(damaged(), st.binary(max_size=60)), max_size=4))
def test_no_deploy_file_of_any_kind_ends_the_run(files: dict[str, bytes]) -> None:
    found = deployment([SERVER, "score.py"], list(files), files.get)
    assert all(process.entries == () or process.entries[0] in (SERVER, "score.py") for process in found.processes)
