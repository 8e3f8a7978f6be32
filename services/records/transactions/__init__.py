"""What happens as a whole or not at all: transactions, rehearsals, repeated requests, and the outbox."""
