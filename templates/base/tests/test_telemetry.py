"""Who asked what, which model answered, and how long it took: in headers, logs and metrics."""

from pathlib import Path

from tests.support import ModelService, Process, binary_request, infer_path, running

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def _identity(service: ModelService) -> dict[str, str]:
    card = service.card
    return {"model-name": service.model, "model-version": str(card["version"]), "model-sha256": card["sha256"]}


def test_every_answer_says_which_model_it_came_from(service: ModelService, process: Process) -> None:
    body, headers = binary_request(service.sample(), service.signature)
    for answer in (
        process.ask("POST", infer_path(service), body, headers),
        process.ask("POST", infer_path(service), b"{", headers),
        process.ask("GET", "/v2/health/live"),
        process.ask("GET", "/nothing"),
    ):
        assert _identity(service).items() <= answer.headers.items()
        assert answer.headers["x-request-id"]


def test_every_log_line_has_the_request_the_trace_and_the_model(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path) as process:
        body, headers = binary_request(service.sample(), service.signature)
        trace = {"X-Request-Id": "order-7", "traceparent": f"00-{TRACE}-{SPAN}-01"}
        answer = process.ask("POST", infer_path(service), body, {**headers, **trace})
        assert answer.headers["x-request-id"] == "order-7"
        process.wait_until(lambda: any(line.get("request_id") == "order-7" for line in process.log_lines), "logged")
        lines = process.log_lines
    identity = {name.replace("-", "_"): value for name, value in _identity(service).items()}
    assert all(identity.items() <= line.items() for line in lines)
    (line,) = [line for line in lines if line.get("request_id") == "order-7"]
    assert (line["trace_id"], line["parent_id"], line["status"]) == (TRACE, SPAN, 200)
    assert line["span_id"] not in (SPAN, "")
    assert line["duration_ms"] > 0


def test_a_path_with_quotes_is_one_line_of_json(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path) as process:
        process.ask("GET", "/%22%0A%C3%A4", headers={"X-Request-Id": "odd"})
        process.wait_until(lambda: any(line.get("request_id") == "odd" for line in process.log_lines), "logged")
        (line,) = [line for line in process.log_lines if line.get("request_id") == "odd"]
    assert (line["path"], line["status"]) == ('/"\nä', 404)


def test_malformed_identity_is_made_anew(process: Process) -> None:
    for given in ("a" * 129, "two words", "<script>"):
        assert process.ask("GET", "/v2/health/live", headers={"X-Request-Id": given}).headers["x-request-id"] != given


def test_metrics_count_by_route_and_not_by_path(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path) as process:
        body, headers = binary_request(service.sample(), service.signature)
        for _ in range(3):
            process.ask("POST", infer_path(service), body, headers)
        for invented in range(5):
            process.ask("GET", f"/invented/{invented}")
        page = process.ask("GET", "/metrics").body.decode()
    assert f'serving_requests_total{{method="POST",route="{infer_path(service)}",status="200"}} 3.0' in page
    assert 'serving_requests_total{method="GET",route="unmatched",status="404"} 5.0' in page
    assert "serving_inference_seconds_count 3.0" in page
    assert "serving_ready 1.0" in page
