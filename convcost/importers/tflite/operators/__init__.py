"""The translations of TensorFlow Lite's operators. Importing the package adds them."""

from convcost.importers.tflite.operators import arithmetic, choices, dilations, matrices, movements, recurrent, windows

__all__ = ["arithmetic", "choices", "dilations", "matrices", "movements", "recurrent", "windows"]
