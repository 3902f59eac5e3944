"""One product on a tensor core, by Triton; only ``multiply`` and ``machine`` need a GPU, and PyTorch."""
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, N803 - a kernel has no types but those that Triton compiles

import re
from typing import Any

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

DEPTH = 128  # of K at a time; a multiple of what FP8's promoted sums take
HOPPER = GPUTarget("cuda", 90, 32)
POINTED = {"float8_e4m3fn": "float8e4nv"}  # PyTorch's names that are not Triton's


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
    import torch

    left = torch.from_numpy(a.copy()).cuda().to(getattr(torch, dtype)).contiguous()
    right = torch.from_numpy(b.T.copy()).cuda().to(getattr(torch, dtype)).contiguous()
    (m, k), n = left.shape, right.shape[0]
    out = torch.empty((m, n), dtype=torch.float32, device="cuda")
    kernel[(m // block, n // block)](
        left, right, out, n, k, block, block, DEPTH, getattr(tl, sums), imprecise, num_warps=warps(block)
    )
    torch.cuda.synchronize()
    return out.cpu().numpy()


def warps(block: int) -> int:
    return 4 if block >= 64 else 1


def instruction(dtype: str, sums: str, imprecise: int | None, block: int) -> str:
    """What the compiler makes of the products of ``multiply`` on Hopper, from its PTX."""
    element = getattr(tl, POINTED.get(dtype, dtype)).name
    fixed = {"ROWS": block, "COLUMNS": block, "DEPTH": DEPTH, "SUM": getattr(tl, sums), "IMPRECISE": imprecise}
    given = {"a_at": f"*{element}", "b_at": f"*{element}", "c_at": "*fp32", "n": "i32", "k": "i32"}
    source = ASTSource(
        fn=kernel,
        signature={**given, **dict.fromkeys(fixed, "constexpr")},
        constexprs={(len(given) + index,): value for index, value in enumerate(fixed.values())},
        attrs={(index,): [["tt.divisibility", 16]] for index in range(len(given))},
    )
    ptx = triton.compile(source, target=HOPPER, options={"num_warps": warps(block)}).asm["ptx"]
    return ", ".join(sorted(set(re.findall(r"w?g?mma\.(?:mma_async|sync)\S*", ptx))))


def machine() -> str:
    """What this was measured on."""
    import torch

    return f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, Triton {triton.__version__}"
