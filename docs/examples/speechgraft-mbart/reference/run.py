"""Compare Speech2Text2 with the last release of transformers that searched with it, in an environment of its own.

    python reference/run.py [FOLDER]

makes the environment in FOLDER (`.venv` beside this file where none is given) unless it is there, and runs the tests
beside this file in it. What that release does not bring (torch, pytest, hypothesis, speechgraft) comes from the
environment that runs this script, which needs the network once.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from pathlib import Path

RELEASE = "transformers==4.46.3"
HERE = Path(__file__).resolve().parent


def make(folder: Path) -> Path:
    """The Python of an environment with the old release, whose packages go before those of this environment."""
    python = folder / "bin" / "python"
    if (folder / "made").exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", RELEASE, "sentencepiece>=0.2", "protobuf"], check=True)
    [packages] = (folder / "lib").glob("python*/site-packages")
    outer = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in outer]
    (packages / "zz_outer.pth").write_text("".join(lines))
    (folder / "made").touch()
    return python


def main(folder: Path) -> int:
    """Run the tests; the status is that of pytest."""
    python = make(folder)
    paths = [str(HERE.parent), str(HERE.parent / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", HERE, "-c", os.devnull, HERE]
    return subprocess.run(pytest, env=environment, check=False, cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE / ".venv"))
