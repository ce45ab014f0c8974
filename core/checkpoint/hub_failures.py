"""What to say when the hub, or the way to it, fails."""

from __future__ import annotations


def download_failure(error: Exception, revision: str | None, local_files_only: bool) -> str:
    """One sentence for why a download failed."""
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return "the hub lets only those in who have accepted its terms; log in with `hf auth login` or pass a token"
        case errors.RepositoryNotFoundError():
            return (
                "there is no such folder here, and no such repository on the hub that may be read; "
                "for a private one log in with `hf auth login` or pass a token"
            )
        case errors.RevisionNotFoundError():
            return f"the repository has no revision {revision!r}"
        case errors.LocalEntryNotFoundError():
            return f"there is no such folder here, and {_unreachable(error, local_files_only)}"
        case _:
            return f"it cannot be downloaded from the hub ({_first_line(error)})"


def upload_failure(error: Exception) -> str:
    """Why an upload failed, to be put behind what could not be uploaded."""
    from huggingface_hub import errors

    match error:
        case errors.LocalTokenNotFoundError():
            return ": nobody is logged in; log in with `hf auth login` or pass a token"
        case errors.HfHubHTTPError(response=response) if response is not None and response.status_code == 401:
            return ", which asks for an account that may write: log in with `hf auth login` or pass a token of one"
        case _:
            return f" ({_first_line(error)})"


def _first_line(error: BaseException) -> str:
    """What an error says in its first line, or what it is where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _unreachable(error: Exception, local_files_only: bool) -> str:
    """Why there is nothing but earlier downloads, among which it is not."""
    from huggingface_hub import errors

    if local_files_only:
        return "no earlier download that is whole (local_files_only was asked for)"
    match error.__cause__:
        case errors.OfflineModeIsEnabled():
            return "no earlier download that is whole (HF_HUB_OFFLINE is set)"
        case errors.HfHubHTTPError(response=response) if response is not None:
            return f"the hub fails (status {response.status_code})"
        case errors.FileMetadataError() as lacking:
            return f"the hub's answer cannot be used ({_first_line(lacking)})"
        case _:
            return "the hub cannot be reached"
