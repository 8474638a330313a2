"""onnxruntime alone: the CPU time of one run, one row. Arguments: the ONNX file, the input's shape; prints microseconds."""

import sys
import time

import numpy as np
import onnxruntime as ort

WARM_UP_S, MEASURED_S = 0.3, 1.0


def main() -> None:
    """Run for a second and print the mean."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(sys.argv[1], options)
    shape = [int(size) for size in sys.argv[2].split(",")]
    feeds = {session.get_inputs()[0].name: np.random.default_rng(0).random(shape, dtype=np.float32)}
    names = [output.name for output in session.get_outputs()]
    for seconds in (WARM_UP_S, MEASURED_S):
        runs, ends_at, started = 0, time.perf_counter() + seconds, time.process_time()
        while time.perf_counter() < ends_at:
            session.run(names, feeds)
            runs += 1
        cost = (time.process_time() - started) / runs
    print(cost * 1e6)


if __name__ == "__main__":
    main()
