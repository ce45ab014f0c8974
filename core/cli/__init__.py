"""The command line: one file a command, each imported when it is needed.

No command's module imports torch at its top, so help, listings and mistakes in the options answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from speechgraft.errors import SpeechGraftError, did_you_mean

COMMANDS = {
    "transcribe": "speechgraft.cli.transcribe:command",
    "fit": "speechgraft.cli.fit:command",
    "evaluate": "speechgraft.cli.evaluate:command",
    "encoders": "speechgraft.cli.encoders:command",
    "decoders": "speechgraft.cli.decoders:command",
    "connectors": "speechgraft.cli.connectors:command",
    "plugins": "speechgraft.cli.plugins:command",
    "check": "speechgraft.cli.check:command",
    "pair": "speechgraft.cli.pair:command",
    "convert": "speechgraft.cli.convert:command",
    "export": "speechgraft.cli.export:command",
    "new-plugin": "speechgraft.cli.new_plugin:command",
}
"""Each command's function, in the order of the help."""

WRONG = 2
"""The exit status after a mistake in what was asked for."""

INTERRUPTED = 130

# Typer carries its own copy of click from 0.20 or so on and uses the installed one before; this finds the
# base of usage errors in both.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


class CommandTable(TyperGroup):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; one that is not there is refused with the nearest name."""
        if cmd_name in COMMANDS:
            return _load(cmd_name)
        if not cmd_name.startswith("-"):
            ctx.fail(f"there is no command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}")
        return None


def _load(name: str) -> Any:
    """Make a typer command of the function that the table names."""
    from importlib import import_module

    module, _, function = COMMANDS[name].partition(":")
    single = typer.Typer(add_completion=False)
    single.command(name)(getattr(import_module(module), function))
    return get_command(single)


app = typer.Typer(cls=CommandTable, add_completion=False, invoke_without_command=True)
"""The whole command line as a typer app; `main` runs it."""


def _print_version(wanted: bool) -> None:
    if wanted:
        import speechgraft

        print(f"speechgraft {speechgraft.__version__}")
        raise typer.Exit


@app.callback()
def _speechgraft(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Graft a pretrained speech encoder onto a pretrained text decoder: check, train, evaluate, transcribe."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status.

    A mistake in the options, an error of `speechgraft.errors` and a file that the system refuses
    are one line on standard error and status 2. Anything else is a defect of ours and keeps its traceback.
    """
    try:
        status = get_command(app).main(args=arguments, prog_name="speechgraft", standalone_mode=False)
        sys.stdout.flush()
    except _UsageError as error:
        return _complain(_usage(error))
    except SpeechGraftError as error:
        return _complain(str(error))
    except BrokenPipeError:
        return _hang_up()
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def _usage(error: Any) -> str:
    """What is wrong with the options, and where their help is."""
    path = error.ctx.command_path if error.ctx is not None else "speechgraft"
    return f"{error.format_message().rstrip('.')} (see {path} --help)"


def _complain(message: str) -> int:
    """Print an error as one line; its further lines are the problems that it lists."""
    title, *problems = [line.strip() for line in message.splitlines() if line.strip()] or ["failed without a message"]
    separator = " " if title.endswith(":") else ": "
    print(f"speechgraft: {title}{separator if problems else ''}{'; '.join(problems)}", file=sys.stderr)
    return WRONG


def _hang_up() -> int:
    """The reader of our output has gone (`| head`): say nothing, also not when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
