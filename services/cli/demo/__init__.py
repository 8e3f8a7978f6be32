"""The demo: real flights, loaded through the public API."""
