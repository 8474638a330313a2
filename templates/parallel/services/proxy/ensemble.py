"""Every member is asked at once; who answers in time is heard, who does not is named."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.proxy.combine import Answer
from services.proxy.members import Plan
from serving.call import current_call
from serving.errors import ServingError
from serving.parts import Parts
from serving.remote import StageFailed, StageRefused, StageTooSlow, open_all
from serving.repository import ModelInvalid
from serving.tensors import Array, Signature
from serving.whole import Whole, target

Arrived = Callable[[str, Answer | ServingError], None]


@dataclass(slots=True)
class Heard:
    """The answers that came in time, in the members' order, and why the others are missing."""

    answers: dict[str, Answer] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """What a v2 answer says of it."""
        missing = "; ".join(f"{name}: {reason}" for name, reason in self.missing.items())
        return {"answered": ", ".join(self.answers), **({"missing": missing} if missing else {})}


class Ensemble(Whole):
    """The backend of the proxy's routes: a v2 client sees one model."""

    platform = "mlscaffold_parallel"

    def __init__(
        self, name: str, version: str, signature: Signature, plan: Plan, urls: Mapping[str, str], parts: Parts
    ) -> None:
        targets = [target(one.name, one.model, one.url, urls) for one in plan.members.values()]
        super().__init__(name, version, signature, targets, parts)
        self.plan = plan

    async def open(self) -> None:
        """Wait for every member, and check what they serve against what this service promises.

        Raises:
            ModelInvalid: a member takes or gives something else.
        """
        await open_all(list(self.remotes.values()))
        for name, remote in self.remotes.items():
            self._check(name, remote.signature)

    async def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs asked for, or all, by name; the answer's parameters say who is missing in it.

        Raises:
            ServingError: fewer answers than the quorum, or an output of a member that did not answer.
        """
        heard = await self.hear(feeds)
        current_call.get().parameters = heard.parameters
        return self.answer(heard, outputs)

    async def hear_all(self, feeds: Mapping[str, Array], arrived: Arrived) -> None:
        """Ask every member and tell each answer when it comes, however late within the request's deadline."""

        async def tell(name: str) -> None:
            arrived(name, await self._ask(name, feeds))

        await asyncio.gather(*(tell(name) for name in self.remotes))

    async def hear(self, feeds: Mapping[str, Array]) -> Heard:
        """Ask every member; return at the latest when the time to wait is over. Late answers are not waited for.

        Raises:
            ServingError: fewer answers than the quorum; of the member that failed first, or of the slowest.
        """
        call = current_call.get()
        asking = {asyncio.create_task(self._ask(name, feeds)): name for name in self.remotes}
        came: dict[str, Answer | ServingError] = {}
        ends_at = asyncio.get_running_loop().time() + min(self.plan.wait_ms, call.remaining_ms) / 1000
        pending = set(asking)
        try:
            while pending and not self._good_enough(came):
                left = ends_at - asyncio.get_running_loop().time()
                first = asyncio.wait(pending, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
                done, pending = await call.wait_for(asyncio.ensure_future(first))
                if not done:
                    break
                for task in done:
                    came[asking[task]] = task.result()
        finally:
            for task in pending:
                task.cancel()
        return self._heard(came)

    def answer(self, heard: Heard, outputs: Sequence[str] = ()) -> dict[str, Array]:
        """One answer out of those that were heard.

        Raises:
            StageFailed: an output of a member that is missing was asked for, or the answers do not fit together.
        """
        if self.plan.combine is None:
            whole = {f"{name}_{key}": array for name, answer in heard.answers.items() for key, array in answer.items()}
        else:
            try:
                whole = self.plan.combine(heard.answers)
            except ValueError as error:
                raise StageFailed(f"the members' answers do not fit together: {error}") from error
        names = list(outputs) or [
            spec.name for spec in self.signature.outputs if self.plan.combine or spec.name in whole
        ]
        if lacking := [name for name in names if name not in whole]:
            why = "; ".join(f"stage {name}: {reason}" for name, reason in heard.missing.items())
            raise StageFailed(
                f"there is no {', '.join(lacking)}, since a member is missing ({why}); ask for the others"
            )
        return {name: whole[name] for name in names}

    async def _ask(self, name: str, feeds: Mapping[str, Array]) -> Answer | ServingError:
        given = {tensor: feeds[source] for tensor, source in self.plan.members[name].feeds.items()}
        try:
            return await self.remotes[name].infer(given)
        except ServingError as error:
            return error

    def _good_enough(self, came: Mapping[str, Answer | ServingError]) -> bool:
        """Whether first-good has its answer."""
        if self.plan.good is None:
            return False
        answers = [answer for answer in came.values() if not isinstance(answer, ServingError)]
        return any(self._is_good(answer) for answer in answers)

    def _is_good(self, answer: Answer) -> bool:
        if self.plan.good is None:
            return True
        return bool(np.all(self.plan.good({"answer": answer}, len(next(iter(answer.values()))))))

    def _heard(self, came: Mapping[str, Answer | ServingError]) -> Heard:
        heard = Heard()
        for name in self.remotes:
            said = came.get(name)
            if said is None:
                heard.missing[name] = "no answer in time"
            elif isinstance(said, ServingError):
                heard.missing[name] = str(said).removeprefix(f"stage {name}: ")
            else:
                heard.answers[name] = said
        if self.plan.good is not None:
            heard.answers = dict(sorted(heard.answers.items(), key=lambda pair: not self._is_good(pair[1])))
        if len(heard.answers) < self.plan.quorum:
            raise self._too_few(heard, came)
        return heard

    def _too_few(self, heard: Heard, came: Mapping[str, Answer | ServingError]) -> ServingError:
        errors = [error for error in came.values() if isinstance(error, ServingError)]
        refused = next((error for error in errors if isinstance(error, StageRefused)), None)
        if refused:
            return refused  # the input is at fault
        why = "; ".join(f"stage {name}: {reason}" for name, reason in heard.missing.items())
        kind = type(errors[0]) if errors else StageTooSlow
        text = f"{len(heard.answers)} of {len(self.remotes)} answered, the quorum is {self.plan.quorum} ({why})"
        return kind(text, errors[0].headers if errors else None)

    def _check(self, name: str, served: Signature) -> None:
        feeds = self.plan.members[name].feeds
        if set(feeds) != set(served.input_named):
            takes, has = ", ".join(served.input_named), ", ".join(feeds)
            raise ModelInvalid(f"members.yaml: {name}: its model takes {takes}; feeds has {has}")
        for tensor, source in feeds.items():
            promised = self.signature.input_named.get(source)
            if promised is None or promised.datatype != served.input_named[tensor].datatype:
                raise ModelInvalid(f"members.yaml: {name}: {tensor}: request.{source} is of another datatype, or none")
        prefix = f"{name}_" if self.plan.combine is None else ""
        for spec in served.outputs:
            promised = self.signature.output_named.get(f"{prefix}{spec.name}")
            if promised is None or promised.datatype != spec.datatype:
                raise ModelInvalid(f"members.yaml: {name}: its output {spec.name} {spec.datatype} is not promised")
