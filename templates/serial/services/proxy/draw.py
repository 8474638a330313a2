"""Draw the route into the README: `python -m services.proxy.draw`, or `make route`."""

import re
import sys
from pathlib import Path

from services.proxy.route import drawn, read_route
from serving.repository import ModelInvalid

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
PLACE = re.compile(r"(<!-- route -->\n).*?(<!-- /route -->)", re.DOTALL)


def with_drawing(readme: str, route: Path = HERE / "route.yaml") -> str:
    """The README with the route's drawing in its place.

    Raises:
        ModelInvalid: the route cannot be read.
    """
    drawing = f"```mermaid\n{drawn(read_route(route))}\n```\n"
    return PLACE.sub(lambda found: found[1] + drawing + found[2], readme)


if __name__ == "__main__":
    try:
        README.write_text(with_drawing(README.read_text(encoding="utf-8")), encoding="utf-8")
    except ModelInvalid as error:
        sys.exit(str(error))
