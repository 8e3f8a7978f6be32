"""Writes the lock files anew: every version with its hashes, and no address of a registry."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMPILE = [
    "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11", "--generate-hashes",
    "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--system-certs", "pyproject.toml",
]  # fmt: skip


def main() -> None:
    """Compile the two locks with uv; the second extends the first."""
    uv = Path(sys.executable).with_name("uv")
    runtime, dev = HERE / "runtime.lock", HERE / "dev.lock"
    root = HERE.parent
    subprocess.run([uv, *COMPILE, "--extra", "build", "-o", runtime.relative_to(root)], cwd=root, check=True)
    subprocess.run(
        [uv, *COMPILE, "--extra", "dev", "-c", runtime.relative_to(root), "-o", dev.relative_to(root)],
        cwd=root,
        check=True,
    )


if __name__ == "__main__":
    main()
