"""Map the three folders at the top onto one package; everything else is in pyproject.toml."""

from setuptools import find_packages, setup

ROOTS = {"speechgraft": "core", "speechgraft.registry": "registry", "speechgraft.plugins": "plugins"}

setup(
    package_dir=ROOTS,
    packages=[
        ".".join(filter(None, (package, found)))
        for package, folder in ROOTS.items()
        for found in ("", *find_packages(folder))
    ],
)
