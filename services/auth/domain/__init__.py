"""What signing in, staying signed in and granting mean, without grpc, SQL or Redis."""
