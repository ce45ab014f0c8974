"""The command line's frame: help without torch, mistakes as one line and status 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from speechgraft.cli import COMMANDS, main
from speechgraft.errors import ConfigError, InputError

WITHOUT_TORCH = """
import sys
from speechgraft.cli import main
status = main(sys.argv[1:])
heavy = sorted({"torch", "numpy", "soundfile", "tokenizers", "accelerate"} & set(sys.modules))
print(status, heavy, file=sys.stderr)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "speechgraft", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["--version"],
        ["encoders"],
        ["decoders", "--json"],
        ["plugins"],
        *([name, "--help"] for name in COMMANDS),
    ],
    ids=" ".join,
)
def test_help_and_listings_answer_without_torch(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr == "0 []\n"
    assert done.stdout.strip()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["encoder"], "there is no command 'encoder'; did you mean 'encoders'?"),
        (["encoders", "--jsn"], "--json"),
        (["--vresion"], "--version"),
        (["encoders", "a", "b"], "unexpected extra argument"),
        (["encoders", "wav2vec"], "did you mean 'wav2vec2'"),
        (["decoders", "brt"], "did you mean 'bert'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.startswith("speechgraft: ")
    assert err.count("\n") == 1


def test_the_program_leaves_with_the_status_and_no_traceback() -> None:
    done = run("encoders", "wav2vec")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert run("--version").stdout.startswith("speechgraft ")


def _raising(error: BaseException) -> object:
    def command() -> None:
        """Raise."""
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ConfigError("reading a.json", ["$.a: x", "$.b: y"]), 2, "speechgraft: reading a.json: $.a: x; $.b: y\n"),
        (ConfigError("reading a.json:", ["$.a: x"]), 2, "speechgraft: reading a.json: $.a: x\n"),
        (InputError("a.wav: empty"), 2, "speechgraft: a.wav: empty\n"),
        (InputError(""), 2, "speechgraft: failed without a message\n"),
        (PermissionError(13, "Permission denied", "out.txt"), 2, "speechgraft: out.txt: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_on_purpose_are_one_line(
    error: BaseException, status: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speechgraft.cli.plugins.command", _raising(error))
    assert main(["plugins"]) == status
    assert capsys.readouterr().err == line


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechgraft.cli.plugins.command", _raising(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        main(["plugins"])


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = [
        sys.executable,
        "-c",
        "import sys; from speechgraft.cli import main; sys.exit(main(['encoders', '--json']))",
    ]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1


def test_each_command_has_a_file_of_its_own() -> None:
    folder = Path(sys.modules["speechgraft.cli"].__file__ or "").parent
    for name, reference in COMMANDS.items():
        module = name.replace("-", "_")
        assert reference == f"speechgraft.cli.{module}:command"
        assert (folder / f"{module}.py").is_file()


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["encoders", "--json"]) == 0
    (encoder,) = [one for one in json.loads(capsys.readouterr().out) if one["name"] == "wav2vec2"]
    assert encoder["package"] == "speechgraft"
    assert encoder["stride"] == 320
