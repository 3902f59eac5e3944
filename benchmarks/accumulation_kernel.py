"""One product on a tensor core, by Triton. It imports what only a machine with a GPU has."""
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, N803 - a kernel has no types but those that Triton compiles

from typing import Any

import torch
import triton
import triton.language as tl

DEPTH = 128  # of K at a time; a multiple of what FP8's promoted sums take


@triton.jit
def kernel(
    a_at,
    b_at,
    c_at,
    n,
    k,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DEPTH: tl.constexpr,
    SUM: tl.constexpr,
    IMPRECISE: tl.constexpr,
):
    """``c`` = ``a`` [m, k] times ``b``, given as [n, k]; one block of ``c`` a program."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    depth = tl.arange(0, DEPTH)
    total = tl.zeros((ROWS, COLUMNS), dtype=SUM)
    for start in range(0, k, DEPTH):
        a = tl.load(a_at + rows[:, None] * k + (start + depth)[None, :])
        b = tl.load(b_at + columns[None, :] * k + (start + depth)[:, None])
        total = tl.dot(a, b, total, max_num_imprecise_acc=IMPRECISE, out_dtype=SUM)
    tl.store(c_at + rows[:, None] * n + columns[None, :], total.to(tl.float32))


def multiply(a: Any, b: Any, dtype: str, sums: str, imprecise: int | None, block: int) -> Any:
    """``a`` [M, K] times ``b`` [K, N] (float32 arrays of values of ``dtype``) on the GPU, in float32.

    Blocks of 16 are ``mma``, of 64 ``wgmma``. M and N are multiples of ``block``, K of ``DEPTH``.
    """
    left = torch.from_numpy(a.copy()).cuda().to(getattr(torch, dtype)).contiguous()
    right = torch.from_numpy(b.T.copy()).cuda().to(getattr(torch, dtype)).contiguous()
    (m, k), n = left.shape, right.shape[0]
    out = torch.empty((m, n), dtype=torch.float32, device="cuda")
    kernel[(m // block, n // block)](
        left, right, out, n, k, block, block, DEPTH, getattr(tl, sums), imprecise, num_warps=4 if block >= 64 else 1
    )
    torch.cuda.synchronize()
    return out.cpu().numpy()


def machine() -> str:
    """What this was measured on."""
    return f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, Triton {triton.__version__}"
