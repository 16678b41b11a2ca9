"""One run on several processes: who they are, how the student is shared, what they agree on.

A step's batches are shared out among the processes, so a recipe gives the same run on any number
of them. accelerate finds the processes (`torchrun`, `accelerate launch`); torch's DDP or FSDP2
moves the gradients.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from qwen_audio.errors import RecipeError, unknown_name
from qwen_audio.training.student import Losses

KINDS = ("auto", "ddp", "fsdp2")
_STACKS = (("encoder", "blocks"), ("language_model", "layers"))
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The processes of a run, as one of them sees them."""

    rank: int = 0
    count: int = 1
    kind: str = "ddp"

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    @property
    def is_sharded(self) -> bool:
        """Whether no process holds the whole model."""
        return self.count > 1 and self.kind == "fsdp2"

    def own(self, items: Sequence[Item]) -> list[tuple[int, Item]]:
        """Return this process's share of a step's batches, each with its place among all."""
        return list(enumerate(items))[self.rank :: self.count]

    def share(self, student: nn.Module, optimizer: torch.optim.Optimizer) -> nn.Module:
        """Return the student as it is called: its gradients are the mean over all processes.

        Where weights are shared out, the optimizer goes on with this process's part of them.
        """
        if self.count == 1:
            return student
        if self.is_sharded:
            return _shard(student, optimizer, self.count)
        device = next(student.parameters()).device
        return DistributedDataParallel(
            student,
            device_ids=[device] if device.type == "cuda" else None,
            broadcast_buffers=False,
            find_unused_parameters=True,  # a batch without transcripts leaves the CTC reading out
        )

    @contextmanager
    def gathering(self, network: nn.Module, *, is_last: bool) -> Iterator[None]:
        """Let gradients add up inside the block; only a step's last batch moves them."""
        if self.is_sharded:
            network.set_requires_gradient_sync(is_last)
            yield
        elif self.count > 1 and not is_last:
            with network.no_sync():
                yield
        else:
            yield

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over all processes."""
        if self.count == 1:
            return values
        total = values.clone()
        distributed.all_reduce(total)
        return total / self.count

    def clip_gradients(self, parameters: Sequence[Tensor], limit: float) -> float:
        """Scale gradients down to a norm of `limit` at most, and return the norm they had."""
        if not self.is_sharded:
            return float(torch.nn.utils.clip_grad_norm_(parameters, limit))
        for parameter in parameters:
            if not isinstance(parameter, DTensor):  # a scalar, which FSDP2 leaves alone
                own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self.mean(own)
        grads = [p.grad for p in parameters if p.grad is not None]
        norms = [whole_tensor(torch.linalg.vector_norm(grad)) for grad in grads]
        norm = float(torch.linalg.vector_norm(torch.stack(norms)))
        for grad in grads:
            grad.mul_(min(1.0, limit / (norm + 1e-6)))  # as torch's clip_grad_norm_ does
        return norm

    def any(self, claim: bool, device: torch.device) -> bool:  # noqa: FBT001 - it is what is asked
        """Return whether the claim holds for any process."""
        if self.count == 1:
            return claim
        return bool(self.mean(torch.tensor(float(claim), device=device)) > 0)

    def wait(self) -> None:
        """Return when all processes are here."""
        if self.count > 1:
            distributed.barrier()

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the main process through first: it builds what the others then find."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()


ALONE = Processes()


def join_processes(kind: str, device: str) -> tuple[Processes, torch.device]:
    """Return the processes that a launcher started, and this one's device.

    Args:
        kind: "ddp", "fsdp2", or "auto" for what accelerate's launcher was told, else DDP.
        device: "auto", or a device's name.
    """
    if kind not in KINDS:
        raise RecipeError(unknown_name("kind of parallel training", kind, KINDS))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if not distributed.is_torchelastic_launched():
        return ALONE, torch.device(device)
    from accelerate import Accelerator

    state = Accelerator(cpu=device == "cpu").state
    is_fsdp = state.distributed_type == "FSDP" if kind == "auto" else kind == "fsdp2"
    return (
        Processes(
            rank=state.process_index,
            count=state.num_processes,
            kind="fsdp2" if is_fsdp else "ddp",
        ),
        state.device,
    )


def whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors of which each process may hold a part; every process has to ask."""
    return {name: whole_tensor(tensor.detach()) for name, tensor in tensors.items()}


def whole_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimizer's state as one process alone would have it."""
    state = optimizer.state_dict()
    return state | {
        "state": {
            place: {name: whole_tensor(value) for name, value in values.items()}
            for place, values in state["state"].items()
        }
    }


def whole_tensor(value: Any) -> Any:
    """Return a value, all of it if it is a tensor that is shared out."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def _part_of(value: Any, parameter: Tensor) -> Any:
    """Return the part of a parameter's state that this process keeps."""
    has_shape = isinstance(value, Tensor) and value.shape == parameter.shape and value.ndim
    if not isinstance(parameter, DTensor) or not has_shape:
        return value
    mesh = parameter.device_mesh
    return distribute_tensor(value.to(mesh.device_type), mesh, parameter.placements)


def _shard(student: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> nn.Module:
    """Share out each layer's weights, and what is outside the layers, among the processes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    _show_tensors_of(Losses)
    names = {parameter: name for name, parameter in student.named_parameters()}
    mesh = init_device_mesh(next(student.parameters()).device.type, (count,))
    for tower, stack in _STACKS:
        for layer in getattr(student.model.get_submodule(tower), stack, ()):
            fully_shard(layer, mesh=mesh)
    # FSDP2 takes no scalars: every process keeps its own, `clip_gradients` makes them agree.
    scalars = {parameter for parameter in student.parameters() if not parameter.ndim}
    network = fully_shard(student, mesh=mesh, ignored_params=scalars)
    if mesh.device_type == "cpu":  # gloo knows no mean, only sums
        for module in network.modules():
            if isinstance(module, FSDPModule):
                module.set_force_sum_reduction_for_comms(enable=True)
    parts = dict(student.named_parameters())
    for group in optimizer.param_groups:
        group["params"] = [parts[names[whole]] for whole in group["params"]]
    for whole in list(optimizer.state):
        part, values = parts[names[whole]], optimizer.state.pop(whole)
        optimizer.state[part] = {name: _part_of(value, part) for name, value in values.items()}
    return network


def _show_tensors_of(record: type) -> None:
    """Let FSDP2 find the tensors in what the student returns: it starts with them going back."""
    from torch.utils import _pytree as pytree

    if record not in pytree.SUPPORTED_NODES:
        pytree.register_dataclass(record)
