"""What a static step reads and writes besides weights and caches: tensors that stay where they are.

A burst's inputs are written before its first step and its tokens read after its last one; in between, each step finds
what it needs on the device, by a counter that is there as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from synth.cuda.outputs import Outputs
from synth.decoding import Burst
from synth.sampling import COLDEST

NEVER = float("inf")  # no probability reaches it


class Buffers:
    """For up to `rows` rows and `steps` steps of `outputs`. Row r works on slot r; `idle` is the position of no work."""

    def __init__(
        self, outputs: Outputs, *, rows: int, steps: int, idle: int, hidden_size: int, dtype: torch.dtype,
        device: torch.device,
    ) -> None:  # fmt: skip
        self._outputs, self._rows, self._idle = outputs, rows, idle
        self.steps = steps
        self.hidden = torch.zeros(rows, hidden_size, dtype=dtype, device=device)  # (B, C), of each row's last position
        self.token = torch.zeros(rows, dtype=torch.int64, device=device)  # drawn last, counted from the first output
        self.noise = torch.zeros(steps, rows, outputs.choices, device=device)
        self.drawn = torch.zeros(steps, rows, dtype=torch.int64, device=device)  # results; -1 is an end
        self.step = torch.zeros(1, dtype=torch.int64, device=device)  # the counter
        self.row = torch.arange(rows, device=device)
        self.place = torch.arange(idle, device=device)
        self._none = torch.zeros(steps, outputs.choices, device=device)  # the noise of a row that draws nothing
        self._whole = torch.zeros(1 + steps, rows, dtype=torch.int64, device=device)
        self._real = torch.zeros(3, rows, device=device)
        self.position, self.books = self._whole[0], self._whole[1:]  # where a row writes next; its range in each step
        self.divisor, self.end_divisor, self.threshold = self._real.unbind()  # of draws, of the end; of its probability
        pin = device.type == "cuda"  # a copy from elsewhere would make the host wait
        self._whole_host = torch.zeros(self._whole.shape, dtype=torch.int64, pin_memory=pin)
        self._real_host = torch.zeros(self._real.shape, pin_memory=pin)

    def fill(self, bursts: Sequence[Burst]) -> None:
        """Write what these bursts want, all of as many steps, into the rows of their slots. The other rows idle."""
        steps = bursts[0].steps
        whole = [[self._idle] * self._rows, *([0] * self._rows for _ in range(steps))]
        real = [[1.0] * self._rows, [1.0] * self._rows, [NEVER] * self._rows]
        for burst in bursts:
            slot = burst.cache.slot
            whole[0][slot] = burst.cache.length
            for step, first in enumerate(burst.firsts):
                whole[1 + step][slot] = self._outputs.book(first)
            real[0][slot], real[1][slot], real[2][slot] = _rules(burst)
        self._whole_host[: 1 + steps].copy_(torch.tensor(whole))
        self._real_host.copy_(torch.tensor(real))
        self._whole.copy_(self._whole_host, non_blocking=True)
        self._real.copy_(self._real_host, non_blocking=True)
        self.step.zero_()
        slots = [burst.cache.slot for burst in bursts]
        noise = [
            self._none[:steps] if burst.noise is None or not burst.sampling.draws else burst.noise for burst in bursts
        ]
        if slots == list(range(len(slots))):  # no index has to travel
            self.hidden[: len(slots)] = torch.cat([burst.hidden for burst in bursts])
            torch.stack(noise, dim=1, out=self.noise[:steps, : len(slots)])
            return
        for slot, burst, rows in zip(slots, bursts, noise, strict=True):
            self.hidden[slot] = burst.hidden[0]
            self.noise[:steps, slot] = rows

    def rest(self) -> None:
        """Let all rows idle."""
        self.position.fill_(self._idle)
        self.step.zero_()

    def tokens(self, rows: int, steps: int) -> list[list[int]]:
        """What was drawn, for each row a token for each step: here the host waits for the device."""
        return self.drawn[:steps, :rows].T.tolist()


def _rules(burst: Burst) -> tuple[float, float, float]:
    """What logits are divided by to draw and to know the end's probability, and which probability of it is enough.

    Where the temperature is next to nothing, that probability is 1 exactly when the end is drawn anyway.
    """
    temperature = burst.sampling.temperature
    draws = burst.sampling.draws and burst.noise is not None
    if temperature is None or temperature < COLDEST:
        return 1.0, 1.0, NEVER
    return temperature if draws else 1.0, temperature, NEVER if burst.min_eos_p is None else burst.min_eos_p
