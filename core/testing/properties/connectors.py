"""P00 to P13 of connectors: lengths, masks, gradients, names on disk, determinism and export."""

from __future__ import annotations

import json

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.export import Dim

from speechgraft.checkpoint import load_into, materialise
from speechgraft.contracts import Connector
from speechgraft.nn.masks import length_mask
from speechgraft.nn.meta import weightless
from speechgraft.registry import ConnectorEntry
from speechgraft.testing.case import Case
from speechgraft.testing.models import scramble, seeded
from speechgraft.testing.strategies import SEEDS, connector_configs, uneven_lengths

_LONGEST = 13
_WIDTHS = st.integers(2, 9)
_LENGTHS = st.lists(st.integers(1, _LONGEST), min_size=1, max_size=3)


def drawn_connector(case: Case, entry: ConnectorEntry) -> Connector:
    """A connector of a drawn config and drawn widths, in float64 and eval mode."""
    config = case.draw(connector_configs(entry), "config")
    widths = case.draw(st.tuples(_WIDTHS, _WIDTHS), "widths of frames and memory")
    with weightless():
        connector = entry.build(config.copy(), *widths)
    found = connector.input_size, connector.output_size
    case.holds(found == widths, f"built for widths {widths}, it says {found}", "input_size, output_size")
    with seeded(case.draw(SEEDS, "seed of the parameters")):
        materialise(connector, dtype=torch.float64)
        scramble(connector)
    return connector.eval()


def drawn_frames(
    case: Case, connector: Connector, lengths_drawn: st.SearchStrategy[list[int]] = _LENGTHS
) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers of frames (rows,), the frames (rows, longest, size), with noise in the padding, and their mask."""
    lengths = torch.tensor(case.draw(lengths_drawn, "lengths"))
    frames = noise(case.draw(SEEDS, "seed of the frames"), len(lengths), int(lengths.max()), connector.input_size)
    return lengths, frames, length_mask(lengths, frames.shape[1])


def noise(seed: int, *shape: int) -> Tensor:
    """Normal float64 values made of a seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def capabilities(case: Case, entry: ConnectorEntry) -> None:
    """What a connector's entry declares is so, with the default config."""
    with weightless():
        connector = entry.build(entry.load_config_class()(), 4, 4)
    frames = case.draw(st.integers(50, 500), "frames")
    memory = int(connector.output_lengths(torch.tensor([frames]))[0])
    found = memory < frames
    case.holds(found == entry.shortens, f"{frames} frames give {memory} of memory", "shortens of the entry")


@torch.no_grad()
def lengths(case: Case, entry: ConnectorEntry) -> None:
    """`output_lengths` equals the memory that comes out, for every number of frames from 1 on."""
    connector = drawn_connector(case, entry)
    every = torch.arange(1, _LONGEST + 1)
    promised = connector.output_lengths(every).tolist()
    look_at = f"{type(connector).__name__}.output_lengths"
    rising = promised == sorted(promised) and promised[0] >= 1
    case.holds(rising, f"1, 2, ... frames give {promised} of memory: none, or fewer of more", look_at)
    frames = noise(case.draw(SEEDS, "seed"), 1, _LONGEST, connector.input_size)
    for count, expected in zip(every.tolist(), promised, strict=True):
        memory, mask = connector(frames[:, :count], None)
        case.holds(mask is None, "a mask came out, though none went in", "the mask of forward")
        found, wanted = tuple(memory.shape), (1, expected, connector.output_size)
        case.holds(found == wanted, f"{count} frames give memory of shape {found}, promised was {wanted}", look_at)


@torch.no_grad()
def batch_invariance(case: Case, entry: ConnectorEntry) -> None:
    """Frames give the same memory alone and padded in a batch, given their number."""
    connector = drawn_connector(case, entry)
    counts, frames, mask = drawn_frames(case, connector, uneven_lengths(1, _LONGEST, (2, 3)))
    memory, memory_mask = connector(frames, mask)
    case.holds(memory_mask is not None, "no mask came out, though one went in", "the mask of forward")
    expected = length_mask(connector.output_lengths(counts), memory.shape[1])
    case.same(memory_mask, expected, "the mask of the memory", "the mask of forward, output_lengths")
    for row, count in enumerate(counts.tolist()):
        alone, _ = connector(frames[row : row + 1, :count], None)
        case.close(
            memory[row : row + 1, : alone.shape[1]],
            alone,
            f"memory of row {row} in the batch and alone",
            "convolutions and stacks that reach into padding",
        )


@torch.no_grad()
def mask(case: Case, entry: ConnectorEntry) -> None:
    """Values in masked frames change nothing, wherever these lie."""
    connector = drawn_connector(case, entry)
    counts, frames, counted = drawn_frames(case, connector)
    if case.draw(st.booleans(), "gaps"):
        random = torch.Generator().manual_seed(case.draw(SEEDS, "seed of the gaps"))
        counted &= torch.rand(counted.shape, generator=random) < 0.6
        counted[torch.arange(len(counted)), counts - 1] = True
    memory, memory_mask = connector(frames, counted)
    dirty, same_mask = connector(torch.where(counted[..., None], frames, 3.0), counted)
    case.same(same_mask, memory_mask, "the mask of the memory beside other masked frames", "the mask of forward")
    case.holds(bool(memory_mask.any(dim=1).all()), "of a row with frames no memory counts", "the mask of forward")
    case.close(dirty[memory_mask], memory[memory_mask], "memory beside other masked frames", "the mask of forward")


def gradients(case: Case, entry: ConnectorEntry) -> None:
    """Every trainable parameter takes part in the memory, and so do the frames."""
    connector = drawn_connector(case, entry)
    _, frames, counted = drawn_frames(case, connector)
    frames.requires_grad_()
    memory, memory_mask = connector.train()(frames, counted)
    weights = noise(case.draw(SEEDS, "seed of the weights"), *memory.shape)
    (memory * weights)[memory_mask].sum().backward()
    for name, parameter in connector.named_parameters():
        case.holds(parameter.grad is not None, f"{name} takes no part in the memory", "parts that forward leaves out")
    case.holds(frames.grad is not None, "the memory is not made of the frames", "detached tensors in forward")


def round_trip(case: Case, entry: ConnectorEntry) -> None:
    """Config and parameters come back from disk as they were, under the prefix that the entry says."""
    connector = drawn_connector(case, entry)
    config = connector.config
    adapter = entry.load_adapter()
    found = adapter.read(json.loads(json.dumps(adapter.write(config))))
    case.holds(found == config, f"through config.json the config comes back as {found}", "the config adapter")
    table = entry.weight_map(config)
    ours = {f"connector.{name}": value for name, value in connector.state_dict().items()}
    disk = table.to_disk(ours)
    strange = [name for name in disk if not name.startswith(entry.prefix)]
    case.holds(not strange, f"{strange} do not begin with {entry.prefix!r}", "prefix of the entry")
    with weightless():
        empty = torch.nn.ModuleDict(
            {"connector": entry.build(config.copy(), connector.input_size, connector.output_size)}
        )
    load_into(empty, disk, table, dtype="auto")
    for name, value in empty.state_dict().items():
        case.same(value, ours[name], f"{name}, to disk and back", "the weight map")


@torch.no_grad()
def determinism(case: Case, entry: ConnectorEntry) -> None:
    """In eval mode the same memory twice, of the same type; frames, config and random numbers stay as they are."""
    connector = drawn_connector(case, entry)
    _, frames, counted = drawn_frames(case, connector)
    before = frames.clone(), counted.clone(), connector.config.copy(), torch.get_rng_state()
    memory, memory_mask = connector(frames, counted)
    again, _ = connector(frames, counted)
    case.same(again, memory, "memory of the same frames again", "dropout in eval mode, state")
    case.holds(memory.dtype == torch.float64, f"memory of a float64 module is {memory.dtype}", "casts in forward")
    case.holds(memory_mask.dtype == torch.bool, f"its mask is {memory_mask.dtype}", "the mask of forward")
    case.same(frames, before[0], "the frames that were passed in", "in-place operations")
    case.same(counted, before[1], "the mask that was passed in", "in-place operations")
    case.holds(connector.config == before[2], "the config was changed", "forward")
    case.same(torch.get_rng_state(), before[3], "torch's random state", "random numbers in eval mode")


@torch.no_grad()
def export(case: Case, entry: ConnectorEntry) -> None:
    """A connector traced by `torch.export` on some frames gives its own memory of other numbers of rows and frames."""
    connector = drawn_connector(case, entry)
    look_at = "Python that branches on values or sizes, .item(), .tolist(), int()"
    one, other = (noise(seed, rows, frames, connector.input_size) for seed, rows, frames in ((0, 2, 7), (1, 3, 12)))
    masks = [
        length_mask(torch.arange(each.shape[1], each.shape[1] - len(each), -1), each.shape[1]) for each in (one, other)
    ]
    free = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    try:
        program = torch.export.export(
            connector, (one, masks[0]), dynamic_shapes={"hidden": free, "frame_mask": free}, strict=False
        ).module()
    except Exception as error:
        found = f"torch.export does not trace it: {type(error).__name__}: {str(error).strip()[:500]}"
        raise AssertionError(case.message(found, look_at)) from error
    found_memory, found_mask = program(other, masks[1])
    memory, memory_mask = connector(other, masks[1])
    case.close(found_memory, memory, "memory of the traced connector", look_at)
    case.same(found_mask, memory_mask, "its mask of the traced connector", look_at)
