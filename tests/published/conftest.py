"""What pytest does not collect here."""

collect_ignore = ["record_keras.py"]  # needs Keras
