"""Python beside the engine for packages of this repository that have no service folder: one file each."""
