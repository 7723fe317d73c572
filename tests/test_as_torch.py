"""Scripts written for PyTorch, run on minigrad: the same losses; and clear answers about what is missing."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import as_torch

from .as_torch.run import EXPECTED, SCRIPTS, under_minigrad

LOSSES = json.loads(EXPECTED.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_gives_the_losses_it_gives_under_pytorch(script: Path) -> None:
    assert under_minigrad(script) == pytest.approx(LOSSES[script.stem], rel=1e-4, abs=1e-6)


def test_the_redirection_ends() -> None:
    before = sys.modules.get("torch")
    with as_torch.redirected():
        import torch  # noqa: PLC0415

        assert torch is minigrad
    assert sys.modules.get("torch") is before


def test_the_version_is_pytorchs_inside_and_is_ordered_by_its_numbers() -> None:
    own = minigrad.__version__
    with as_torch.redirected():
        version = minigrad.__version__
        assert minigrad.version.__version__ == version and version.split(".")[0] == "2" and isinstance(version, str)
        assert version >= "2.2" and version > (1, 8) and version < "2.100" and version <= "3" and not version < "2"
    assert minigrad.__version__ == own != version


def test_a_missing_name_is_told_with_the_nearest_and_the_line() -> None:
    with pytest.raises(AttributeError, match=r"no 'Lineer' \(.*test_as_torch.py, line \d+.*Nearest: minigrad.nn.Linear"):
        minigrad.nn.Lineer  # noqa: B018
    with pytest.raises(AttributeError, match=r"'Tensor' object has no attribute 'flaten'"):  # Python itself adds the nearest
        minigrad.ones(2).flaten()
    assert not hasattr(minigrad, "quantization")


def test_the_report_lists_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    script = tmp_path / "script.py"
    script.write_text("import torch\nfrom torch import nn\ntorch.masked.softmax(1)\nnn.Linear(2, 3, biass=True)\n")
    assert as_torch.main(["--report", str(script)]) == 1
    told = capsys.readouterr().out
    assert "torch.masked.softmax" in told and "(line 3)" in told
    assert "torch.nn.Linear(..., biass=...)  (line 4)" in told
    script.write_text("import torch\ntorch.nn.Linear(2, 3, bias=False)\n")
    assert as_torch.main(["--report", str(script)]) == 0


def test_old_constructors() -> None:
    x = minigrad.FloatTensor([[1, 2], [3, 4]])
    assert isinstance(x, minigrad.FloatTensor) and isinstance(x, minigrad.Tensor)
    assert not isinstance(x, minigrad.LongTensor) and type(x) == minigrad.Tensor  # noqa: E721
    assert x.type(minigrad.LongTensor).dtype is minigrad.int64
    assert tuple(minigrad.LongTensor(2, 3).shape) == (2, 3) and minigrad.Tensor([2, 3]).tolist() == [2.0, 3.0]
    assert x.type() == "torch.FloatTensor" and minigrad.tensor([True]).type() == "torch.BoolTensor"
    assert x.double().type(x.type()).dtype is minigrad.float32
    assert issubclass(minigrad.nn.Parameter, minigrad.Tensor)
    y = x.double().new(2, 3)
    assert y.shape == (2, 3) and y.dtype is x.double().new([1, 2]).dtype is minigrad.float64 and x.new().shape == (0,)
    assert x.new([1, 2]).tolist() == x.new(minigrad.arange(1, 3)).tolist() == [1, 2] and x.new(y.size()).shape == (2, 3)
    with pytest.raises(TypeError, match="FloatTensor: expected sizes"):
        minigrad.FloatTensor("ab")


def test_a_method_set_on_the_type_is_every_tensors() -> None:
    minigrad.Tensor.thrice = lambda self: 3 * self
    try:
        assert minigrad.ones(2).thrice().tolist() == [3, 3] == minigrad.nn.Parameter(minigrad.ones(2)).thrice().tolist()
    finally:
        del minigrad.Tensor.thrice
    assert not hasattr(minigrad.ones(2), "thrice")


def test_the_scalers_of_a_device_are_classes_where_pytorch_has_them() -> None:
    with as_torch.redirected():
        from torch.cuda.amp import grad_scaler  # noqa: PLC0415

        class Own(grad_scaler.GradScaler):
            pass

        with pytest.warns(UserWarning, match="CUDA is not available"):
            scaler = Own(init_scale=8.0)
    assert isinstance(scaler, minigrad.cuda.amp.GradScaler) and isinstance(scaler, minigrad.amp.GradScaler)
    assert not scaler.is_enabled() and minigrad.cpu.amp.GradScaler(init_scale=8.0).get_scale() == 8


def test_losses_broadcast_with_a_warning_only_as_torch() -> None:
    x, y = minigrad.ones(3, 1), minigrad.zeros(3)
    with pytest.raises(RuntimeError, match="one shape"):
        minigrad.nn.functional.mse_loss(x, y)
    with as_torch.redirected(), pytest.warns(UserWarning, match="broadcast"):
        assert minigrad.nn.functional.mse_loss(x, y).item() == 1


def test_nests_are_taken_apart_where_scripts_look_for_it() -> None:
    with as_torch.redirected():
        from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten  # noqa: PLC0415
    nest = {"a": (1, [2]), "b": 3}
    flat, spec = tree_flatten(nest)
    assert flat == [1, 2, 3] and tree_unflatten([4, 5, 6], spec) == {"a": (4, [5]), "b": 6}
    assert tree_map(lambda n: -n, nest) == {"a": (-1, [-2]), "b": -3}


def test_state_goes_through_open_files() -> None:
    file = io.BytesIO()
    minigrad.save({"epoch": 3, "w": minigrad.arange(3.0)}, file)
    file.seek(0)
    back = minigrad.load(file, weights_only=True)
    assert back["epoch"] == 3 and back["w"].tolist() == [0, 1, 2]


def test_assert_close_says_where_values_differ() -> None:
    a = minigrad.tensor([1.0, 2.0])
    minigrad.testing.assert_close(a, a + 1e-7)
    with pytest.raises(AssertionError, match="1 of 2 values differ, most at"):
        minigrad.testing.assert_close(a, minigrad.tensor([1.0, 2.1]))


def test_distributed_is_a_group_of_one() -> None:
    dist = minigrad.distributed
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        dist.get_rank()
    with pytest.raises(RuntimeError, match="minigrad runs in one process, got world_size=4"):
        dist.init_process_group("nccl", rank=0, world_size=4)
    dist.init_process_group("gloo", rank=0, world_size=1)
    try:
        assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "gloo") and dist.is_initialized()
        x, gathered = minigrad.arange(3.0), [minigrad.zeros(3)]
        dist.all_reduce(x)
        dist.all_gather(gathered, x)
        assert gathered[0].tolist() == x.tolist() == [0, 1, 2] and dist.broadcast(x, 0, async_op=True).wait()
    finally:
        dist.destroy_process_group()
    assert not dist.is_initialized()
    model = minigrad.nn.parallel.DistributedDataParallel(minigrad.nn.Linear(2, 3))
    assert list(model.state_dict()) == ["module.weight", "module.bias"] and model(minigrad.ones(1, 2)).shape == (1, 3)


def test_weight_averaging_refuses_what_pytorch_refuses() -> None:
    swa, model = minigrad.optim.swa_utils, minigrad.nn.Linear(2, 2)
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="anneal_strategy must be one of 'cos' or 'linear', instead got 'step'"):
        swa.SWALR(optimizer, 0.1, anneal_strategy="step")
    with pytest.raises(ValueError, match="anneal_epochs to be an integer >= 0, but got -1"):
        swa.SWALR(optimizer, 0.1, anneal_epochs=-1)
    swa.update_bn([minigrad.ones(1, 2)], model)  # nothing to do


def test_resize_keeps_the_first_elements() -> None:
    x = minigrad.arange(6.0)
    assert x.resize_(2, 2) is x and x.tolist() == [[0, 1], [2, 3]]
    assert x.resize_((5,)).tolist() == [0, 1, 2, 3, 0] and x.resize_as_(minigrad.zeros(1, 2)).tolist() == [[0, 1]]
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        minigrad.ones(2, requires_grad=True).resize_(3)


def test_retired_names_answer_with_a_warning() -> None:
    w = minigrad.zeros(3, 3)
    with pytest.warns(FutureWarning, match="nn.init.eye is now deprecated in favor of nn.init.eye_"):
        minigrad.nn.init.eye(w)
    assert w.tolist() == minigrad.eye(3).tolist()
    with pytest.warns(FutureWarning, match="in favor of nn.functional.interpolate"):
        assert minigrad.nn.functional.upsample_nearest(minigrad.ones(1, 1, 2, 2), scale_factor=2).shape == (1, 1, 4, 4)
    with pytest.warns(UserWarning, match="volatile was removed"):
        minigrad.autograd.Variable(w, volatile=True)


def test_what_has_no_effect_is_accepted() -> None:
    with as_torch.redirected():
        names: dict = {}
        exec("import torch, torch._dynamo\nfrom torch.types import Device, Number\n"
             "torch._dynamo.config.suppress_errors = torch._inductor.config.fallback_random = True", names)  # fmt: skip
    torch = names["torch"]
    assert not torch.compiler.is_compiling() and torch.jit.annotate(list, 3) == 3 and torch.get_device(torch.ones(1)) == -1

    @torch.compiler.disable(recursive=False)
    def twice(x: Any) -> Any:
        return 2 * x

    layer = torch.nn.Linear(2, 2)
    assert twice(3) == 6 and layer.compile() is None and torch.compile(layer, mode="max-autotune") is layer
    assert isinstance(0.5, names["Number"]) and isinstance("cpu", names["Device"])
    assert not torch.ones(1).is_meta and torch.ones(1).layout is torch.strided
    with torch.cuda.nvtx.range("step"), torch.cuda.stream(None):
        assert torch.cuda.memory_summary() == ""
    with pytest.raises(RuntimeError, match="cuda"):
        torch.cuda.Stream()
    assert issubclass(torch.cuda.OutOfMemoryError, RuntimeError)
    with pytest.warns(FutureWarning, match="in favor of testing.assert_close") as told:
        torch.testing.assert_allclose(torch.ones(2), np.ones(2))
    assert told[0].filename == __file__


def test_new_makes_tensors_of_the_same_type() -> None:
    x = minigrad.ones(2, dtype=minigrad.float64)
    assert x.new(2, 3).tolist() == [[0.0] * 3] * 2 and x.new([1, 2]).tolist() == [1.0, 2.0]
    assert x.new(minigrad.Size([2])).dtype == x.new(np.ones(1, "f4")).dtype == x.new().dtype == minigrad.float64


def test_bases_of_layers_are_where_pytorch_has_them() -> None:
    nn = minigrad.nn
    modules = nn.modules
    assert isinstance(nn.BatchNorm2d(1), modules.batchnorm._BatchNorm) and isinstance(nn.MSELoss(), modules.loss._Loss)
    assert isinstance(nn.Conv1d(1, 1, 1), modules.conv._ConvNd)
    assert not isinstance(nn.GroupNorm(1, 1), modules.batchnorm._NormBase)
    assert minigrad.optim.adamw.AdamW is minigrad.optim.AdamW and modules.utils._ntuple(2)(3) == (3, 3)


def test_what_one_process_and_one_program_can_not_do_is_refused_with_the_reason() -> None:
    for call in (minigrad.distributed.rpc.init_rpc, minigrad.distributed.fsdp.FullyShardedDataParallel):
        with pytest.raises(RuntimeError, match="there is one process"):
            call("worker")
    with pytest.raises(RuntimeError, match=r"fx.symbolic_trace: .*minigrad.record\(\)"):
        minigrad.fx.symbolic_trace(minigrad.nn.Identity())


def test_the_kernels_of_attention_can_be_chosen_to_no_effect() -> None:
    with as_torch.redirected():
        names: dict = {}
        exec("import torch\nfrom torch.nn.attention import SDPBackend, sdpa_kernel", names)
    q = minigrad.randn(1, 2, 3, 4)
    with names["sdpa_kernel"]([names["SDPBackend"].FLASH_ATTENTION, names["SDPBackend"].MATH]):
        inside = minigrad.nn.functional.scaled_dot_product_attention(q, q, q)
    assert inside.equal(minigrad.nn.functional.scaled_dot_product_attention(q, q, q))
