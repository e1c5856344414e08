"""The translations of TensorFlow Lite's operators. Importing the package adds them."""

from convcost.importers.tflite.operators import arithmetic, matrices, movements, recurrent, windows

__all__ = ["arithmetic", "matrices", "movements", "recurrent", "windows"]
