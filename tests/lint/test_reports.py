"""Every format of a report: valid for its readers, and safe whatever the linted repository holds."""

import json
import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from mlscaffold.light import replace
from mlscaffold.lint.finding import Location, Report
from mlscaffold.lint.report import FORMATS, render
from tests.lint.reports import CLEAN, EMPTY, FOUND, HOSTILE, REPORT

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\ud800-\udfff]")


@pytest.mark.parametrize("report", [REPORT, CLEAN, EMPTY], ids=["findings", "clean", "no service"])
@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_control_characters_through(name: str, report: Report) -> None:
    text = render(report, name)
    assert text.endswith("\n")
    assert not CONTROL.search(text)
    text.encode("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_is_a_function_of_its_values(name: str) -> None:
    assert render(REPORT, name) == render(replace(REPORT), name)


def test_text_shows_source_with_captions(tmp_path: Path) -> None:
    (tmp_path / "ml.py").write_text('import ort\nner = ort.InferenceSession("ner.onnx")\nbert = load("bert-large")\n')
    (tmp_path / "app.py").write_text("\n" * 5 + '@app.post("/predict")\n')
    shown = render(replace(REPORT, root=str(tmp_path), findings=(FOUND,), skipped=(), suppressed=(), baselined=()), "text")
    assert shown == (
        "error[MLS101] several-models-in-one-server: 2 models, 1.5 GB, in one server\n"
        " --> ml.py:2:7\n"
        "  |\n"
        '2 | ner = ort.InferenceSession("ner.onnx")\n'
        "  |       ^^^^^^^^^^^^^^^^^^^^^^^^ first model loaded here\n"
        '3 | bert = load("bert-large")\n'
        "  |        ------------------ second model loaded here\n"
        " ::: app.py:6:1\n"
        "  |\n"
        '6 | @app.post("/predict")\n'
        "  | --------------------- both answer this request\n"
        "  = service: api (confidence high)\n"
        "  = why: they fail, scale and are released together\n"
        "  = fix: mlscaffold new api --pattern web-single --model ner=ner.onnx\n"
        "  = more: mlscaffold rule MLS101\n"
        "\n"
        "1 error in 2 services\n"
    )


def test_text_in_colour_says_the_same(tmp_path: Path) -> None:
    report = replace(REPORT, root=str(tmp_path))
    coloured = render(report, "text", colour=True)
    assert "\033[1;31m" in coloured
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == render(report, "text")


def test_text_survives_odd_spans(tmp_path: Path) -> None:
    (tmp_path / "ml.py").write_bytes(b"\xff\xfe\x00 \x1b[31m" + b"x" * 500 + b"\n\ta = 1\n")
    spans = (
        replace(FOUND.primary, line=1, column=400),
        replace(FOUND.primary, line=2, column=90),
        replace(FOUND.primary, line=999),
    )
    shown = render(replace(REPORT, root=str(tmp_path), findings=(replace(FOUND, locations=spans),)), "text")
    assert "\033[31m" not in shown
    assert "first model loaded here" in shown


def test_text_shows_the_first_places_of_a_long_way_and_counts_the_rest() -> None:
    places = tuple(Location("way.py", line, 1, None, f"step {line}") for line in range(1, 31))
    shown = render(replace(REPORT, findings=(replace(FOUND, locations=places),)), "text")
    assert [line for line in range(1, 31) if f"step {line}\n" in shown] == list(range(1, 13))
    assert "18 more places on the way" in shown
    assert (
        len(json.loads(render(replace(REPORT, findings=(replace(FOUND, locations=places),)), "json"))["findings"][0]["locations"])
        == 30
    )


def test_a_pattern_that_is_not_stamped_yet_is_said_so() -> None:
    assert "does not stamp it yet" in render(REPORT, "text")


def test_concise_is_one_line_a_finding() -> None:
    lines = render(REPORT, "concise").splitlines()
    assert lines[0] == "ml.py:2:7: MLS101 2 models, 1.5 GB, in one server"
    assert len(lines) == len(REPORT.findings) + 1
    assert lines[-1] == "1 error, 1 warning, 1 info in 2 services; 1 in the baseline; 1 suppressed; 2 files not read"


def test_json_has_the_schema_that_others_read() -> None:
    said = json.loads(render(REPORT, "json"))
    assert said["schema"] == "mlscaffold-lint/1"
    assert said["services"][0]["models"][0] == {
        "name": "ner.onnx",
        "framework": "onnxruntime",
        "path": "ml.py",
        "line": 2,
        "role": "model",
        "load": "module",
        "bytes": 120_000_000,
        "parameters": None,
        "size_evidence": "file",
        "reached": True,
        "also": [],
        "latency_ms": None,
        "latency_p95_ms": None,
    }
    assert said["services"][0]["handlers"] == [{"name": "POST /predict", "path": "app.py", "line": 6, "async": True}]
    found = said["findings"][0]
    assert [at["role"] for at in found["locations"]] == ["primary", "related", "related"]
    assert found["suggestion"]["command"] == "mlscaffold new api --pattern web-single --model ner=ner.onnx"
    assert said["skipped"][1]["reason"] == "has 50 MB"
    assert said["findings"][2]["message"] == HOSTILE  # JSON escapes; nothing is lost


def test_fingerprints_do_not_depend_on_lines() -> None:
    moved = replace(FOUND, message="other", locations=tuple(replace(at, line=at.line + 9) for at in FOUND.locations))
    first, second, third = (
        json.loads(render(replace(CLEAN, findings=(one,)), "json"))["findings"][0]["fingerprint"]
        for one in (FOUND, moved, replace(FOUND, subjects=("ner.onnx",)))
    )
    assert first == second != third


@pytest.mark.skipif("SARIF_SCHEMA" not in os.environ, reason="SARIF_SCHEMA names no copy of the OASIS schema")
@pytest.mark.parametrize("report", [REPORT, CLEAN, EMPTY], ids=["findings", "clean", "no service"])
def test_sarif_is_valid(report: Report) -> None:
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text())
    jsonschema.validate(json.loads(render(report, "sarif")), schema, format_checker=jsonschema.FormatChecker())


def test_sarif_tells_the_path_and_marks_what_is_known() -> None:
    run = json.loads(render(REPORT, "sarif"))["runs"][0]
    first = run["results"][0]
    assert [at["physicalLocation"]["region"]["startLine"] for at in (*first["locations"], *first["relatedLocations"])] == [
        2,
        3,
        6,
    ]
    flow = first["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [at["location"]["message"]["text"] for at in flow] == [at.note for at in FOUND.locations]
    assert [result["baselineState"] for result in run["results"]] == ["new", "new", "new", "unchanged", "new"]
    assert run["results"][4]["suppressions"] == [{"kind": "inSource", "justification": "agreed with ops"}]
    uri = run["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", uri)
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2


def test_github_commands_stay_one_line_each() -> None:
    lines = render(REPORT, "github").splitlines()
    assert len(lines) == len(REPORT.findings) + 1
    assert lines[0].startswith("::error file=ml.py,line=2,col=7,title=MLS101 several-models-in-one-server::2 models, 1.5 GB")
    assert "%0AWay out: mlscaffold new api" in lines[0]
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines[:-1])
    assert lines[2].count("::") >= 2
    assert "::set-output" not in lines[2].split("::", 2)[1]


def test_gitlab_has_what_code_quality_requires() -> None:
    issues = json.loads(render(REPORT, "gitlab"))
    assert [issue["severity"] for issue in issues] == ["major", "minor", "info"]
    for issue in issues:
        assert issue["description"]
        assert issue["check_name"]
        assert re.fullmatch(r"[0-9a-f]{16}", issue["fingerprint"])
        assert issue["location"]["lines"]["begin"] > 0


def test_junit_counts_findings_and_clean_services() -> None:
    suites = ET.fromstring(render(REPORT, "junit"))
    counts = {suite.get("name"): suite.get("failures") for suite in suites}
    assert counts["api"] == "2"
    assert sum(map(int, counts.values())) == len(REPORT.findings)
    assert ET.fromstring(render(EMPTY, "junit"))[0][0].get("name") == "no findings"


def test_markdown_escapes_what_it_quotes() -> None:
    text = render(REPORT, "markdown")
    assert "<script>" not in re.sub(r"`[^`]*`|``.*?``", "", text)
    assert "Way out, the pattern **web-single**: `mlscaffold new api --pattern web-single --model ner=ner.onnx`" in text


def test_html_holds_nothing_that_runs_or_loads() -> None:
    text = render(REPORT, "html")
    assert "<script" not in text
    assert not re.search(r"(src|href)\s*=", text)
    assert "default-src 'none'" in text


@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("chromium"), reason="there is no Chromium")
def test_html_opens_in_a_browser(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(render(REPORT, "html"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((tmp_path / "report.html").as_uri())
        assert page.locator("section.service").count() == 3  # two services and what was not read
        assert page.locator("section.error svg rect.hit").count() >= 2
        assert page.locator("details").first.inner_text().startswith("MLS101 2 models")
        assert page.locator("script").count() == 0
        assert problems == []
        page.screenshot(path=str(tmp_path / "report.png"), full_page=True)
        browser.close()


def test_mermaid_names_every_service_and_model() -> None:
    text = render(REPORT, "mermaid")
    assert text.startswith("flowchart LR\n")
    assert text.count("subgraph") == 2
    assert "ner.onnx#40;onnxruntime, 120 MB#41;" in text.replace(" #40;", "#40;")
    assert "class s0 error" in text
