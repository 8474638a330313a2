"""How a model takes images, read from its signature: which layout, how many channels, which size."""

import math

from mlscaffold.new.values import ImageContext, TensorContext

CHANNELS = (1, 3)
DATATYPES = ("UINT8", "FP16", "FP32", "FP64")


def image_input(inputs: list[TensorContext]) -> ImageContext | str:
    """The one input as an image, or why it is none.

    Images come as [n, channels, height, width], [n, height, width, channels], or flat as [n, side x side] greys; n is free or 1.
    """
    if len(inputs) != 1:
        return f"it has {len(inputs)} inputs; one is expected"
    tensor = inputs[0]
    found = f"{tensor['name']} is {tensor['datatype']} {tensor['shape']}"
    if tensor["datatype"] not in DATATYPES:
        return f"{found}; expected one of {', '.join(DATATYPES)}"
    shape = tensor["shape"]
    if shape[:1] not in ([-1], [1]):
        return f"{found}; expected a first axis that is free or 1"
    size = tensor["sample_shape"][-len(shape[1:]) :] if shape[1:] else []
    if len(shape) == 4 and shape[1] in CHANNELS:
        return ImageContext(layout="CHW", channels=shape[1], height=size[1], width=size[2])
    if len(shape) == 4 and shape[3] in CHANNELS:
        return ImageContext(layout="HWC", channels=shape[3], height=size[0], width=size[1])
    if len(shape) == 2 and shape[1] > 1 and math.isqrt(shape[1]) ** 2 == shape[1]:
        side = math.isqrt(shape[1])
        return ImageContext(layout="flat", channels=1, height=side, width=side)
    return f"{found}; expected [n, 1 or 3, height, width], [n, height, width, 1 or 3], or [n, a square] for greys in a row"
