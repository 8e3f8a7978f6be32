"""The service that keeps what is sold: catalogue, customers, stock, orders and supplies."""
