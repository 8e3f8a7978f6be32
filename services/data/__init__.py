"""The service that hosts every contract without a folder of its own."""
