"""A static step or prompt as other libraries compute it: each makes of it a function that gives the logits.

Each is set up for one request at a time, as its documentation advises: fixed shapes, inputs and outputs bound once and
never copied, weights prepared before the first call. A library is imported when it is asked for.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import logging
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from benchmarks.static_step import Static, with_products

Run = Callable[[], npt.NDArray[np.float32]]
Build = Callable[[Static, Path, int], Run]  # what to compute, the folder of its export, threads

PLAIN = "plain.onnx"
OPSET = 20  # the first that has the exact GELU
BLOCK = 128  # weights that share a scale


def installed(package: str) -> bool:
    """Whether it can be imported, and what it needs to read a model."""
    others = {"onnxruntime": ["onnx", "onnxscript"], "openvino": ["onnx", "onnxscript"]}.get(package, [])
    return all(importlib.util.find_spec(name) for name in [package, *others])


def export(module: Static, folder: Path) -> None:
    """Write the module as an ONNX file, for onnxruntime and OpenVINO."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    plain = with_products(copy.deepcopy(module)).eval()
    with redirect_stdout(io.StringIO()):
        torch.onnx.export(plain, module.inputs, folder / PLAIN, opset_version=OPSET, dynamo=True, verbose=False)


def torch_compiled(module: Static, _: Path, __: int) -> Run:
    """torch's compiler, with the weights as constants."""
    return _compiled(copy.deepcopy(module), module)


def torch_dynamic(module: Static, _: Path, __: int) -> Run:
    """torch's own 8-bit linear layers: a scale for each column of the weights, inputs rounded at each call."""
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic  # noqa: PLC0415 -- slow

    rounded = quantize_dynamic(copy.deepcopy(module), {nn.Linear: per_channel_dynamic_qconfig})
    return _called(rounded, module)


def torchao(config: str) -> Build:
    """torchao's linear layers of that configuration, and torch's compiler, which they are made for."""

    def build(module: Static, _: Path, __: int) -> Run:
        import torchao.quantization as ao  # noqa: PLC0415 -- may not be there

        rounded = copy.deepcopy(module)
        ao.quantize_(rounded, getattr(ao, config)())
        return _compiled(rounded, module)

    return build


def onnxruntime(rounded: str | None = None) -> Build:
    """onnxruntime: float32, "dynamic" 8-bit products, or weights in "blocks" of 8 bits."""

    def build(module: Static, folder: Path, threads: int) -> Run:
        import onnxruntime as ort  # noqa: PLC0415 -- may not be there

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        session = ort.InferenceSession(_rounded(folder, rounded), options, providers=["CPUExecutionProvider"])
        bound = session.io_binding()
        values = [ort.OrtValue.ortvalue_from_numpy(each.numpy()) for each in module.inputs]
        for spec, value in zip(session.get_inputs(), values, strict=True):
            bound.bind_ortvalue_input(spec.name, value)
        outs = [ort.OrtValue.ortvalue_from_shape_and_type(spec.shape, np.float32) for spec in session.get_outputs()]
        for spec, value in zip(session.get_outputs(), outs, strict=True):
            bound.bind_ortvalue_output(spec.name, value)

        def run(_kept: object = values) -> npt.NDArray[np.float32]:  # the binding points to them
            session.run_with_iobinding(bound)
            return outs[0].numpy()

        return run

    return build


def openvino(precision: str | None = None, *, eight_bits: bool = False) -> Build:
    """OpenVINO in "f32", or in the precision that it chooses; with weights that NNCF has rounded to 8 bits."""

    def build(module: Static, folder: Path, threads: int) -> Run:
        import openvino as ov  # noqa: PLC0415 -- may not be there

        core = ov.Core()
        model = core.read_model(folder / PLAIN)
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if precision:
            settings["INFERENCE_PRECISION_HINT"] = precision
        request = core.compile_model(
            _compressed(model) if eight_bits else model, "CPU", settings
        ).create_infer_request()
        for number, each in enumerate(module.inputs):
            request.set_input_tensor(number, ov.Tensor(each.numpy(), shared_memory=True))

        def run() -> npt.NDArray[np.float32]:
            request.infer()
            return request.get_output_tensor(0).data

        return run

    return build


def _compressed(model: Any) -> Any:
    import nncf  # noqa: PLC0415 -- may not be there

    logging.getLogger("nncf").setLevel(logging.ERROR)
    with redirect_stdout(io.StringIO()):
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)


def _rounded(folder: Path, how: str | None) -> Path:
    """The file that was rounded so; made once."""
    path = folder / f"{how}.onnx" if how else folder / PLAIN
    if not path.exists():
        logging.disable(logging.WARNING)  # it advises what the exporter has done already
        {"dynamic": _dynamic, "blocks": _blocks}[path.stem](folder / PLAIN, path)
        logging.disable(logging.NOTSET)
    return path


def _dynamic(plain: Path, path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 -- may not be there

    more = {"MatMulConstBOnly": True}  # attention stays as it is
    quantize_dynamic(
        plain, path, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8, extra_options=more
    )


def _blocks(plain: Path, path: Path) -> None:
    import onnx  # noqa: PLC0415 -- may not be there
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer  # noqa: PLC0415 -- the same

    eight_bit_products = 4  # its fastest level of accuracy
    quantiser = MatMulNBitsQuantizer(
        onnx.load(plain), bits=8, block_size=BLOCK, is_symmetric=True, accuracy_level=eight_bit_products
    )
    quantiser.process()
    quantiser.model.save_model_to_file(str(path), use_external_data_format=True)


def _compiled(network: nn.Module, module: Static) -> Run:
    torch.compiler.reset()  # what it was compiled for before counts against a limit
    call = torch.compile(network, fullgraph=True, options={"freezing": True})
    with warnings.catch_warnings(action="ignore"):
        call(*module.inputs)
    return _called(call, module)


def _called(network: Callable[..., Any], module: Static) -> Run:
    def run() -> npt.NDArray[np.float32]:
        return network(*module.inputs)[0].numpy()

    return run


LIBRARIES: dict[str, tuple[str, Build]] = {  # the row's name: the package that it is about, and how it is built
    "torch, compiled": ("torch", torch_compiled),
    "torch, dynamic int8": ("torch", torch_dynamic),
    "torchao, int8 weights": ("torchao", torchao("Int8WeightOnlyConfig")),
    "torchao, dynamic int8": ("torchao", torchao("Int8DynamicActivationInt8WeightConfig")),
    "onnxruntime, float32": ("onnxruntime", onnxruntime()),
    "onnxruntime, dynamic int8": ("onnxruntime", onnxruntime("dynamic")),
    "onnxruntime, int8 blocks": ("onnxruntime", onnxruntime("blocks")),
    "openvino, float32": ("openvino", openvino("f32")),
    "openvino, its choice": ("openvino", openvino()),
    "openvino, int8 weights": ("nncf", openvino(eight_bits=True)),
}
