"""Keras models: archives, JSON, HDF5 files, and TensorFlow.js' layers models."""
