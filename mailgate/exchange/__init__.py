"""Tickets shared with a support center that has a tracker of its own, by mail both ways."""
