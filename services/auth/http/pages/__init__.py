"""The pages that people see: plain HTML that works without scripts, one module for each page."""
