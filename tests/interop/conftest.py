"""What the tests with npm's packages need."""

import fcntl
import os
import pathlib
import shutil
import subprocess

import pytest
from harness.deadline import DEADLINE

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The folder with node_modules, installed as the lock file says; once for all builds of this tree."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    folder = pathlib.Path(os.environ.get("WSKIT_INTEROP_DIR") or tmp_path_factory.mktemp("interop"))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (HERE / "package-lock.json").read_bytes()
        installed = folder / "installed-package-lock.json"
        if not installed.exists() or installed.read_bytes() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"],
                cwd=folder,
                check=True,
                timeout=5 * DEADLINE,
            )
            installed.write_bytes(wanted)
    return folder
