"""Record the specs of Keras networks that no shipped spec describes: by hand, where Keras and a backend are installed.

    python tests/published/record_keras.py [NAME ...]

Recorded with Keras 3.15.1. Each network is made without weights, written as Keras writes its configuration, imported
and kept in `specs/keras_*.yaml`. That the import is right follows from the parameters, which Keras publishes exactly.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

NETWORKS = {
    "InceptionResNetV2": "keras_inception_resnet_v2",
    "NASNetMobile": "keras_nasnet_mobile",
    "NASNetLarge": "keras_nasnet_large",
}


def main() -> None:
    """Write the specs that are named, or all."""
    for name in sys.argv[1:] or NETWORKS:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.json"
            path.write_text(getattr(keras.applications, name)(weights=None).to_json(), encoding="utf-8")
            spec = Path(__file__).parent / "specs" / f"{NETWORKS[name]}.yaml"
            command = [sys.executable, "-m", "convcost", "import", str(path), "-o", str(spec), "--force"]
            subprocess.run(command, check=True, timeout=600)


if __name__ == "__main__":
    main()
