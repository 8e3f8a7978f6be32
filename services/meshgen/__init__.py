"""Contract to generated files: gen/, envoy/ and k8s/."""
