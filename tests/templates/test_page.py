"""The page of a stamped project in a real browser, against the real service."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.templates.conftest import Stamp
from tests.templates.processes import packages, running

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
SEVEN = [(0.28, 0.2), (0.7, 0.2), (0.45, 0.85)]
TWO = [(0.3, 0.3), (0.42, 0.15), (0.62, 0.18), (0.64, 0.38), (0.45, 0.62), (0.28, 0.85), (0.5, 0.82), (0.74, 0.84)]

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that must not raise an error, and that must not ask any other server than its own."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    hosts: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    yield page
    context.close()
    assert errors == []
    assert hosts == {"127.0.0.1"}


@pytest.fixture(scope="module")
def digits(stamped: Stamp) -> Iterator[str]:
    with running(stamped("web-single"), "digits") as address:
        yield address


@pytest.fixture(scope="module")
def form(stamped: Stamp, model_file: Callable[[str], Path]) -> Iterator[Callable[[str], str]]:
    """`form("linear")` -> the address of a service of that model."""
    started: dict[str, tuple[object, str]] = {}

    def start(kind: str) -> str:
        if kind not in started:
            project = stamped("web-single", models={kind: model_file(kind)}, project_title='A "title" <b>& more')
            service = running(project, packages(project)[0])
            started[kind] = (service, service.__enter__())
        return started[kind][1]

    yield start
    for service, _ in started.values():
        service.__exit__(None, None, None)  # type: ignore[attr-defined]


def draw(page: Page, stroke: list[tuple[float, float]]) -> None:
    box = page.locator("#pad").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def bars(page: Page) -> dict[str, float]:
    """Label and width, in percent, of each bar."""
    rows = page.locator("#bars li").all()
    widths = [row.locator(".fill").evaluate("bar => parseFloat(bar.style.width)") for row in rows]
    return dict(zip([row.locator(".label").inner_text() for row in rows], widths, strict=True))


@pytest.mark.parametrize(("stroke", "digit"), [(SEVEN, "7"), (TWO, "2")], ids=["seven", "two"])
def test_a_drawn_digit_is_read(page: Page, digits: str, stroke: list[tuple[float, float]], digit: str) -> None:
    page.goto(digits)
    assert bars(page) == {str(place): 0 for place in range(10)}
    draw(page, stroke)
    expect(page.locator("#headline strong")).to_have_text(digit)
    shown = bars(page)
    assert max(shown, key=lambda label: shown[label]) == digit
    assert sum(shown.values()) == pytest.approx(100, abs=1)
    assert page.locator("#bars .best .label").inner_text() == digit
    expect(page.locator("#facts")).to_contain_text("digits, version 1")


def test_where_and_how_large_it_is_drawn_does_not_matter(page: Page, digits: str) -> None:
    page.goto(digits)
    draw(page, [(x * 0.4 + 0.55, y * 0.4 + 0.05) for x, y in SEVEN])
    expect(page.locator("#headline strong")).to_have_text("7")


def test_clearing_empties_pad_and_answer(page: Page, digits: str) -> None:
    page.goto(digits)
    inked = "pad => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data.some(Boolean)"
    for fill in (lambda: draw(page, SEVEN), lambda: page.click("#example")):
        fill()
        expect(page.locator("#headline strong")).not_to_be_empty()
        assert page.locator("#pad").evaluate(inked) is True
        page.click("#clear")
        expect(page.locator("#headline")).to_have_text("Nothing is drawn yet.")
        assert page.locator("#pad").evaluate(inked) is False
    assert set(bars(page).values()) == {0}


def test_examples_are_reached_by_keyboard_and_read_right(page: Page, digits: str, stamped: Stamp) -> None:
    project = stamped("web-single")
    examples = json.loads((project / "services/digits/page/examples.json").read_text())
    page.goto(digits)
    page.locator("#clear").focus()
    page.keyboard.press("Tab")
    right = 0
    for example in examples:
        with page.expect_response("**/predict"):
            page.keyboard.press("Enter")
        expect(page.locator("#headline strong")).not_to_be_empty()
        right += page.locator("#headline strong").inner_text() == str(example["digit"])
    assert right >= len(examples) - 2


def test_a_finger_draws(browser: Browser, digits: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(digits)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than a phone"
    box = page.locator("#pad").bounding_box()
    assert box
    touch = context.new_cdp_session(page)
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in SEVEN]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [places[0]]})
    for place in places[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator("#headline strong")).to_have_text("7")
    context.close()


def test_a_service_that_is_gone_is_said_to_be_gone(page: Page, stamped: Stamp) -> None:
    with running(stamped("web-single"), "digits") as address:
        page.goto(address)
    draw(page, SEVEN)
    expect(page.locator("#error")).to_have_text("The service cannot be reached.")


def test_the_sample_of_an_own_model_is_answered(page: Page, form: Callable[[str], str]) -> None:
    page.goto(form("two-by-two"))
    assert page.locator("h1").inner_text() == 'A "title" <b>& more'
    page.get_by_label("a", exact=True).fill("[1, 2, 3]")
    page.get_by_label("b", exact=True).fill("[10, 20, 30]")
    page.click("text=Predict")
    expect(page.locator("#outputs dd").first).to_have_text("[11,22,33]")
    expect(page.locator("#facts")).to_contain_text("two-by-two, version 1")
    page.click("text=Back to the sample")
    assert json.loads(page.get_by_label("a", exact=True).input_value()) == [1] * 16


@pytest.mark.parametrize(
    ("typed", "message"),
    [("[1, 2", "x: this is no JSON value."), ("[1, 2]", "expected"), ('["a", "b", "c", "d"]', "x")],
    ids=["no JSON", "wrong shape", "wrong type"],
)
def test_what_is_wrong_is_shown_and_the_old_answer_is_gone(
    page: Page, form: Callable[[str], str], typed: str, message: str
) -> None:
    page.goto(form("linear"))
    page.click("text=Predict")
    expect(page.locator("#outputs dd")).to_have_count(1)
    page.get_by_label("x", exact=True).fill(typed)
    page.click("text=Predict")
    expect(page.locator("#error")).to_contain_text(message)
    expect(page.locator("#outputs dd")).to_have_count(0)


@pytest.mark.parametrize("kind", ["scalar", "boolean", "strings", "half", "static-batch", "convolution"])
def test_every_kind_of_input_has_a_control_whose_sample_is_answered(page: Page, form: Callable[[str], str], kind: str) -> None:
    page.goto(form(kind))
    page.click("text=Predict")
    expect(page.locator("#facts")).to_contain_text(f"{kind}, version 1")
    expect(page.locator("#error")).to_be_hidden()
    expect(page.locator("#outputs dd").first).not_to_be_empty()


# -- the pages of several services


@contextmanager
def whole(project: Path, front: str, port_setting: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the service in front, with all others behind it."""
    with ExitStack() as together:
        others = [package for package in packages(project) if package != front]
        urls = {package: together.enter_context(running(project, package)) for package in others}
        monkeypatch.setenv(port_setting, json.dumps(urls))
        yield together.enter_context(running(project, front))


@pytest.mark.parametrize(("pattern", "asked"), [("serial", "digits"), ("parallel", "digits, expert")])
def test_a_digit_drawn_before_several_models(
    page: Page, stamped: Stamp, monkeypatch: pytest.MonkeyPatch, pattern: str, asked: str
) -> None:
    with whole(stamped(pattern), "proxy", "PROXY_URLS", monkeypatch) as address:
        page.goto(address)
        draw(page, SEVEN)
        expect(page.locator("#headline strong")).to_have_text("7")
        expect(page.locator("[data-fact=asked]")).to_contain_text(asked)
        expect(page.locator("#bars li")).to_have_count(10)


@pytest.mark.parametrize("pattern", ["serial", "parallel"])
def test_a_form_before_several_models(
    page: Page, stamped: Stamp, model_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    project = stamped(pattern, models={"one": model_file("linear"), "two": model_file("linear")})
    with whole(project, "proxy", "PROXY_URLS", monkeypatch) as address:
        page.goto(address)
        page.get_by_role("button", name="Predict").click()
        expect(page.locator("[data-fact=asked]")).to_contain_text("one")
        expect(page.locator("#outputs dt")).to_have_count(1)
        expect(page.locator("#error")).to_be_hidden()


def test_a_picture_is_prepared_and_read(page: Page, stamped: Stamp, monkeypatch: pytest.MonkeyPatch) -> None:
    project = stamped("prep-pred")
    with whole(project, "preprocess", "PREPROCESS_URLS", monkeypatch) as address:
        page.goto(address)
        page.set_input_files("#file", project / "services/preprocess/sample.png")
        expect(page.locator("#answer")).to_have_text(re.compile(r'"label": "\d"'))
        assert page.locator("#shown").evaluate("picture => picture.naturalWidth") > 0
        page.set_input_files("#file", project / "README.md")
        expect(page.locator("#answer.error")).to_contain_text("expected an image as the body")
