"""What holds in commerce, whoever asks and wherever it is kept: `stock` and `orders`."""
