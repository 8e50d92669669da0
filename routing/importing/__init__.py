"""Registries as others write them, read into ours; every fault is named, and none half-read."""
