"""Keeps processes running, whatever they are: starts, watches, restarts and stops them."""
