"""Which of ONNX Runtime's graph optimisers may run where something is measured: none that changes a result.

An optimised graph may differ from the one that was written by float rounding, not more. What each name does was
looked up and tried on ONNX Runtime 1.32: ``benchmarks/optimisers.py`` prints where it changes something, and a test
fails where the installed version brings a name that stands in neither list or changes results all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import onnx

from trtflow.model.scopes import scopes

SETTINGS: Mapping[str, str] = MappingProxyType({"session.disable_quant_qdq": "1"})
"""No family of optimisers around Q/DQ pairs, under any name: what they are there for is integer kernels. Scales and
codes of weights are multiplied once, when the session is made, instead of in each run."""

FORBIDDEN: Mapping[str, str] = MappingProxyType(
    {
        "DoubleQDQPairsRemover": "makes one Q/DQ pair of two in a row, with a range that neither has",
        "WeightBiasQuantization": "quantizes the weights and biases that a model keeps in FP32 between Q/DQ pairs",
        "QDQSelectorActionTransformer": "quantizes activations where only weights are (MatMulNBits), and Softmax",
        "QDQPropagationTransformer": "quantizes tensors that the model leaves alone, beside what it quantizes",
        "QDQS8ToU8Transformer": "turns INT8 codes into UINT8, and then does not load some models of opset 21",
        "WhereDummyDq": "puts a Q/DQ pair on the constant branch of a Where",
        "ReluQuantRewrite": "drops a Relu before an FP8 QuantizeLinear, whose codes go below zero",
        "ClipQuantRewrite": "drops a Clip before a QuantizeLinear, and does not load with FP8",
        # Off unless a session asks for them; named so that a version that turns them on changes nothing here.
        "Avx2WeightS8ToU8Transformer": "turns INT8 weights into UINT8",
        "CastChainElimination": "drops Casts through a lower type, which round",
        "GeluApproximation": "computes Gelu by an approximation",
    }
)
"""Name → what it changes."""

FORBIDDEN_BESIDE: Mapping[str, tuple[frozenset[str], str]] = MappingProxyType(
    {
        "NchwcTransformer": (
            frozenset({"MaxPool", "GlobalMaxPool"}),
            "its pooling starts at the lowest finite number, so a window of −inf becomes −3.4e38",
        )
    }
)
"""Name → operators beside which it changes results, and how; without them it may run, and is worth 10 to 25 %."""

ALLOWED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "drops what does nothing (Identity, Slice of everything, DQ and Q of one scale) or folds a "
        "constant into its neighbour (BatchNormalization, Add or Mul into Conv, Relu into Clip): float rounding": (
            "Level1_RuleBasedTransformer",
            "Level2_RuleBasedTransformer",
            "QDQFinalCleanupTransformer",
        ),
        "computes once what is there twice or constant, in the kernels that a run would use": (
            "CommonSubexpressionElimination",
            "ConstantFolding",
            "ConstantSharing",
            "EnsureUniqueDQForNodeUnit",
            "FreeDimensionOverrideTransformer",
            "FuseFp16InitializerToFp32NodeTransformer",
        ),
        "moves values about and computes nothing": (
            "GatherSliceToSplitFusion",
            "GatherToSliceFusion",
            "MemcpyTransformer",
            "ReshapeFusion",
            "SliceConcatToSpaceToDepthFusion",
            "TransposeOptimizer",
            "TransposeOptimizer_CPUExecutionProvider",
        ),
        "the same formula in one kernel: float rounding": (
            "AttentionFusion",
            "BiasDropoutFusion",
            "BiasGeluFusion",
            "BiasSkipLayerNormFusion",
            "BiasSoftmaxFusion",
            "ConvActivationFusion",
            "ConvAddActivationFusion",
            "EmbedLayerNormFusion",
            "FastGeluFusion",
            "GeluFusionL1",
            "GeluFusionL2",
            "GemmActivationFusion",
            "GroupQueryAttentionFusion",
            "GroupQueryAttentionPreNormFusion",
            "LayerNormFusionL1",
            "LayerNormFusionL2",
            "MatMulActivationFusion",
            "MatMulAddFusion",
            "MatMulScaleFusion",
            "MatmulTransposeFusion",
            "QuickGeluFusion",
            "SimplifiedLayerNormFusion",
            "SkipLayerNormFusion",
            "SwiGluFusion",
        ),
        "the same integers in one kernel, where the model itself computes in integers": (
            "DynamicQuantizeMatMulFusion",
            "MatMulIntegerToFloatFusion",
            "MatMulNBitsFusion",
        ),
        "another layout: float rounding": ("NchwcTransformer", "NhwcTransformer"),
        "cannot be switched off, and leave explicit pairs of Casts alone; FP16 operators run in FP32 on a CPU": (
            "CastFloat16Transformer",
            "RemoveDuplicateCastTransformer",
        ),
    }
)
"""Why → names that may run."""


def forbidden(model: onnx.ModelProto) -> list[str]:
    """The names of the optimisers that would change a result of ``model``."""
    present = {node.op_type for scope in scopes(model) for node in scope.graph.node}
    return [*FORBIDDEN, *(name for name, (beside, _) in FORBIDDEN_BESIDE.items() if beside & present)]
