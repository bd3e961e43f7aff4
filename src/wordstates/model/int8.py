"""A graph whose matrix products are computed in int8: weights rounded here, activations by OpenVINO as they come.

No text is needed to calibrate with. A weight has one scale for each number that comes out; activations have one for
each group of numbers that go in, found anew for every subword, so that one large number spoils its own group alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

INT8 = "int8"  # the precision
_LARGEST = np.float32(127)
# The widest group of activations (larger ones are hardly faster, and less exact), and what OpenVINO divides them by.
_WIDEST, _STEP = 256, 16


def with_int8_weights(graph: Any) -> Any:
    """Give a graph like this one with the weights of its matrix products in int8; what is looked up stays as it is.

    Args:
        graph: A graph in float32; it is not changed.
    """
    from openvino import opset13

    found = graph.clone()
    rounded: dict[str, Any] = {}  # blocks may share a weight
    for product, weight, is_transposed in _products(found):
        name = weight.get_friendly_name()
        if name not in rounded:
            rounded[name] = _rounded(weight.data if is_transposed else weight.data.T)
        attributes = product.get_attributes()
        new = opset13.matmul(product.input_value(0), rounded[name], attributes["transpose_a"], transpose_b=True)
        new.set_friendly_name(product.get_friendly_name())
        product.output(0).replace(new.output(0))
    return found


def group_of(graph: Any) -> int:
    """Say how many activations are rounded together: a part of the row of every product.

    Args:
        graph: A graph in float32.

    Raises:
        ValueError: If no such group divides all rows.
    """
    rows = [weight.data.shape[1 if is_transposed else 0] for _, weight, is_transposed in _products(graph)]
    common = math.gcd(*rows)
    for group in range(_WIDEST, 0, -_STEP):
        if common % group == 0 and rows:
            return group
    raise ValueError(f"no group of {_STEP} to {_WIDEST} activations divides its rows of {sorted(set(rows))}")


def _products(graph: Any) -> Iterator[tuple[Any, Any, bool]]:
    """Give the matrix products of what is read with a weight, the weight, and whether it is (out, in).

    What is of a fixed shape, as DeBERTa's vectors of distances, depends on no text: OpenVINO multiplies it once.
    """
    for operation in graph.get_ordered_ops():
        if operation.get_type_name() == "MatMul" and operation.input_value(0).get_partial_shape().is_dynamic:
            weight = operation.input_value(1).get_node()
            if weight.get_type_name() == "Constant" and len(weight.get_output_shape(0)) == 2:
                yield operation, weight, operation.get_attributes()["transpose_b"]


def _rounded(weight: Float[np.ndarray, "out in"]) -> Any:
    """Give the operations that make a weight again from int8 and a scale for each row."""
    from openvino import opset13

    scales = np.abs(weight).max(axis=1, keepdims=True) / _LARGEST
    scales[scales == 0] = 1
    whole = opset13.constant(np.rint(weight / scales).astype(np.int8))
    return opset13.multiply(opset13.convert(whole, "f32"), opset13.constant(scales))
