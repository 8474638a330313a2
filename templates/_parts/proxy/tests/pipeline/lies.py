"""What a lying service answers, and what is made of it: the status, and a part of the message."""

from collections.abc import Callable

from tests.pipeline.stages import Answering, answer, hangs_up, shapes_that_lie
from tests.support import ModelService

LIES: dict[str, tuple[Callable[[ModelService], Answering], int, str]] = {
    "no answer of the protocol": (lambda _: answer(200, b"<html>hello</html>"), 502, "breaks the contract"),
    "JSON of something else": (lambda _: answer(200, b'{"outputs": [{"name": 3}]}'), 502, "breaks the contract"),
    "an answer without outputs": (lambda _: answer(200, b'{"outputs": []}'), 502, "it lacks the output"),
    "another shape": (shapes_that_lie, 502, "promised"),
    "half an answer": (lambda _: hangs_up, 502, "stage"),
    "an error": (lambda _: answer(500, b'{"error": "out of luck"}'), 502, "out of luck"),
    "a refusal": (lambda _: answer(400, b'{"error": "I do not like it"}'), 422, "I do not like it"),
    "no place": (lambda _: answer(503, b'{"error": "full"}', {"retry-after": "7"}), 503, "full"),
}
