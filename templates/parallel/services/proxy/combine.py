"""One answer out of several: vote, mean, first good, or your own function.

A function takes the answers that came, by member and in the members' order, and gives one; `members.yaml` names it as
`combine: services.proxy.combine:FUNCTION`. Every answer has the same outputs; rows come first.
"""

from collections.abc import Callable, Mapping

import numpy as np

from serving.tensors import Array

Answer = dict[str, Array]
Answers = Mapping[str, Answer]
Combine = Callable[[Answers], Answer]


def mean(answers: Answers) -> Answer:
    """Floats are averaged. What is no float (a label) is taken, row by row, from the member nearest to the average."""
    averaged = _averaged(list(answers.values()))
    nearest = np.argmin([_distance(answer, averaged) for answer in answers.values()], axis=0)
    first = next(iter(answers.values()))
    return {name: averaged[name] if name in averaged else _picked(answers, name, nearest) for name in first}


def vote(answers: Answers) -> Answer:
    """The majority of what is no float, row by row; of a tie who stands first. Floats: the average of the winners."""
    members = list(answers.values())
    discrete = [name for name, array in members[0].items() if array.dtype.kind != "f"]
    if not discrete:
        return mean(answers)
    said = [[tuple(_row(answer[name], row) for name in discrete) for row in range(_rows(answer))] for answer in members]
    winners = np.array(
        [_majority([of_member[row] for of_member in said]) for row in range(len(said[0]))]
    )  # [row, member]
    chosen = np.argmax(winners, axis=1)
    answer: Answer = {}
    for name, array in members[0].items():
        stacked = np.stack([member[name] for member in members])
        if array.dtype.kind == "f":
            weights = winners.T.reshape(len(members), len(chosen), *[1] * (array.ndim - 1))
            answer[name] = ((stacked * weights).sum(axis=0) / weights.sum(axis=0)).astype(array.dtype)
        else:
            answer[name] = _picked(answers, name, chosen)
    return answer


def first(answers: Answers) -> Answer:
    """The answer of the member that stands first."""
    return next(iter(answers.values()))


NAMED: dict[str, Combine] = {"mean": mean, "vote": vote, "first-good": first}


def _averaged(members: list[Answer]) -> Answer:
    return {
        name: np.mean([member[name] for member in members], axis=0).astype(array.dtype)
        for name, array in members[0].items()
        if array.dtype.kind == "f"
    }


def _distance(answer: Answer, averaged: Answer) -> Array:
    rows = _rows(answer)
    apart = np.zeros(rows)
    for name, array in averaged.items():
        apart = apart + np.abs(answer[name] - array).reshape(rows, -1).sum(axis=1)
    return apart


def _picked(answers: Answers, name: str, member_of_row: Array) -> Array:
    stacked = np.stack([answer[name] for answer in answers.values()])
    return stacked[member_of_row, np.arange(len(member_of_row))]


def _majority(said: list[tuple[object, ...]]) -> list[bool]:
    counts = [said.count(one) for one in said]
    best = said[counts.index(max(counts))]
    return [one == best for one in said]


def _row(array: Array, row: int) -> object:
    values: object = array[row].tolist()
    return tuple(values) if isinstance(values, list) else values


def _rows(answer: Answer) -> int:
    return len(next(iter(answer.values())))
