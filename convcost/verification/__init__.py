"""Verification of costs by doing the arithmetic: the executor's counts against the formulas' predictions.

- `shrink`: network → tiny network that keeps every structural choice (`channels`, `space`)
- `counting`: one layer executed, and the same layer predicted
- `proof`: all layers of a network executed and compared
- `cases`, `positions`, `formulas`: each layer type on grids that determine its formulas for all sizes
- `results`: what was found, as frozen values
"""

from convcost.verification.proof import ProgressCallback, Settings, verify
from convcost.verification.results import CountDifference, Counts, Interrupted, LayerProof, Verification
from convcost.verification.shrink import shrink

__all__ = [
    "CountDifference",
    "Counts",
    "Interrupted",
    "LayerProof",
    "ProgressCallback",
    "Settings",
    "Verification",
    "shrink",
    "verify",
]
