"""Tickets, people, journal and storage; knows neither mail nor rules."""
