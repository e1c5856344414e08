"""Offsets of pieces of memory in one arena that is as small as there can be."""
