"""DebyeCalculator: the curve of a cluster, and the CPU seconds of each of several calls, the first included.

Reads one JSON object (``element``, ``points`` in Angstrom, ``low``, ``high``, ``step`` of q, ``biso``, ``calls``), writes one
(``curve``, ``cpu_s``). Runs in the peer's own environment.
"""

import json
import os
import sys
import time
import warnings


def main() -> None:
    """Answer one request; what the library prints goes to the error stream."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    import torch
    from debyecalculator import DebyeCalculator

    asked = json.load(sys.stdin)
    torch.set_num_threads(1)
    atoms = [asked["element"]] * len(asked["points"]), torch.tensor(asked["points"], dtype=torch.float32)
    calculator = DebyeCalculator(device="cpu", qmin=asked["low"], qmax=asked["high"], qstep=asked["step"], biso=asked["biso"])
    seconds = []
    for _ in range(asked["calls"]):
        began = time.process_time()
        _, curve = calculator.iq(structure_source=atoms)
        seconds.append(time.process_time() - began)
    print(json.dumps({"curve": [float(value) for value in curve], "cpu_s": seconds}), file=answers, flush=True)


main()
