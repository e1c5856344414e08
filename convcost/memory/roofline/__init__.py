"""What bounds the speed of each layer on a device, and what the least energy is."""
