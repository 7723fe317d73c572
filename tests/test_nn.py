"""Modules: registration, traversal, state, modes, hooks, printing; layers' rules and the messages of their errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn
from minigrad.trace import record


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2)])
        self.scale = nn.Parameter(minigrad.ones(2))
        self.register_buffer("offset", minigrad.zeros(2))
        self.register_buffer("scratch", minigrad.zeros(5), persistent=False)
        self.nothing = None

    def forward(self, x):
        h = self.encoder(x)
        return sum(head(h) for head in self.heads) * self.scale + self.offset


KEYS = ["scale", "offset", "encoder.0.weight", "encoder.0.bias", "encoder.1.weight", "encoder.1.bias",
        "encoder.1.running_mean", "encoder.1.running_var", "encoder.1.num_batches_tracked", "heads.0.weight",
        "heads.0.bias", "heads.1.weight", "heads.1.bias"]  # fmt: skip


# -- registration ---------------------------------------------------------------------------------------


def test_attributes_register_by_type():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        k for k in KEYS if "running" not in k and k[-7:] != "tracked" and k != "offset"
    ]
    assert [name for name, _ in net.named_buffers(recurse=False)] == ["offset", "scratch"]
    assert [name for name, _ in net.named_children()] == ["encoder", "heads"]
    assert net.nothing is None and "nothing" in net.__dict__
    assert {"scale", "encoder", "offset"} <= set(dir(net))
    net.scale = None
    assert net.scale is None and "scale" not in dict(net.named_parameters())
    net.scale = nn.Parameter(minigrad.zeros(2))
    del net.scale
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'scale'"):
        net.scale  # noqa: B018


def test_a_name_moves_from_one_kind_to_another():
    m = nn.Module()
    m.a = 3
    m.a = nn.Parameter(minigrad.ones(1))
    assert "a" not in m.__dict__ and list(m.state_dict()) == ["a"]
    del m.a
    m.a = nn.Linear(1, 1)
    assert list(m.state_dict()) == ["a.weight", "a.bias"]
    m.a = nn.Parameter(minigrad.ones(1))
    assert list(m.state_dict()) == ["a"]
    m.b = nn.Buffer(minigrad.ones(1), persistent=False)
    assert [n for n, _ in m.named_buffers()] == ["b"] and "b" not in m.state_dict()
    m.b = minigrad.zeros(1)
    assert m.b.item() == 0.0 and [n for n, _ in m.named_buffers()] == ["b"]


def test_wrong_assignments_are_refused():
    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"cannot assign 'layer' before Module.__init__\(\) call"):
        Early()
    net = Net()
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'scale'"):
        net.scale = minigrad.ones(2)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'encoder'"):
        net.encoder = 3
    with pytest.raises(TypeError, match="cannot assign 'str' as buffer 'offset'"):
        net.offset = "x"
    with pytest.raises(KeyError, match="can't be empty or contain"):
        net.register_buffer("a.b", None)
    with pytest.raises(KeyError, match="attribute 'encoder' already exists"):
        net.register_parameter("encoder", None)
    with pytest.raises(TypeError, match="cannot assign 'Tensor' to parameter 'w'"):
        net.register_parameter("w", minigrad.ones(1))
    with pytest.raises(TypeError, match="name should be a string, got int"):
        net.add_module(3, nn.ReLU())
    with pytest.raises(RuntimeError, match="only floating tensors can have gradients"):
        nn.Parameter(minigrad.tensor([1, 2]))


def test_a_shared_module_and_parameter_come_once():
    layer = nn.Linear(2, 2)
    both = nn.Sequential(layer, layer)
    assert [n for n, _ in both.named_parameters()] == ["0.weight", "0.bias"]
    assert len(list(both.named_parameters(remove_duplicate=False))) == 4
    assert len(both.state_dict()) == 4
    assert [n for n, _ in both.named_modules()] == ["", "0"]


def test_paths():
    net = Net()
    assert net.get_submodule("encoder.1") is net.encoder[1]
    assert net.get_parameter("heads.1.bias") is net.heads[1].bias
    assert net.get_buffer("encoder.1.running_mean") is net.encoder[1].running_mean
    assert net.get_submodule("") is net
    with pytest.raises(AttributeError, match=r"Sequential has no submodule '7' \(in 'encoder.7'\). Hint: it has 0, 1, 2"):
        net.get_submodule("encoder.7")
    with pytest.raises(AttributeError, match="Linear has no parameter 'wait'"):
        net.get_parameter("encoder.0.wait")


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match='is missing the required "forward" function'):
        nn.Module()(1)


# -- modes, gradients, moves ----------------------------------------------------------------------------


def test_train_and_eval_reach_everything():
    net = Net().eval()
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    with pytest.raises(ValueError, match="expected to be a boolean"):
        net.train("yes")


def test_zero_grad_and_requires_grad():
    net = Net()
    net(minigrad.randn(5, 3)).sum().backward()
    g = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is not g and (net.scale.grad == 0).all()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(minigrad.randn(5, 3)).requires_grad


def test_moves_keep_parameters_and_shared_tensors():
    net = Net()
    net.tied = net.encoder[0]
    before = list(net.parameters())
    net(minigrad.randn(5, 3)).sum().backward()
    net.double()
    assert all(p is q for p, q in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {minigrad.float64} and net.scale.grad.dtype is minigrad.float64
    assert net.encoder[1].num_batches_tracked.dtype is minigrad.int64
    assert net.half().scale.dtype is minigrad.float16
    assert net.float().to("cpu").scale.dtype is minigrad.float32
    with pytest.raises(TypeError, match="expected a floating dtype"):
        net.to(minigrad.int64)


def test_apply_goes_children_first():
    seen = []
    net = nn.Sequential(nn.Sequential(nn.ReLU()), nn.Tanh())
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["ReLU", "Sequential", "Tanh", "Sequential"]


def test_copies_and_pickles():
    net = Net()
    net(minigrad.randn(5, 3))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(other.state_dict()) == KEYS
        assert other.scale is not net.scale and other.scale.requires_grad
        x = minigrad.randn(4, 3)
        np.testing.assert_array_equal(other.eval()(x).detach().numpy(), net.eval()(x).detach().numpy())


# -- state ----------------------------------------------------------------------------------------------


def test_state_dict_shares_memory_and_is_detached():
    net = Net()
    state = net.state_dict()
    assert list(state) == KEYS
    assert not any(v.requires_grad for v in state.values())
    state["scale"].fill_(7.0)
    assert net.scale[0].item() == 7.0
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    assert list(net.state_dict(prefix="model."))[:3] == ["model.scale", "model.offset", "model.encoder.0.weight"]


def test_load_state_dict_copies():
    a, b = Net(), Net()
    result = b.load_state_dict(a.state_dict())
    assert result.missing_keys == [] and result.unexpected_keys == [] and repr(result) == "<All keys matched successfully>"
    np.testing.assert_array_equal(a.heads[0].weight.detach().numpy(), b.heads[0].weight.detach().numpy())
    assert a.scale.array is not b.scale.array
    half = {k: v.double() if v.is_floating_point() else v for k, v in a.state_dict().items()}
    b.load_state_dict(half)
    assert b.scale.dtype is minigrad.float32


def test_load_state_dict_assign_takes_the_tensors_over():
    net = nn.Linear(2, 2, bias=False)
    w = minigrad.ones(2, 2, dtype=minigrad.float64)
    net.load_state_dict({"weight": w}, assign=True)
    assert net.weight.array is w.array and net.weight.requires_grad and isinstance(net.weight, nn.Parameter)


def test_load_state_dict_names_everything_and_changes_nothing():
    net = Net()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state = {k: minigrad.zeros_like(v) + 5 for k, v in net.state_dict().items()}
    del state["heads.0.bias"]
    state["heads.9.bias"] = minigrad.zeros(1)
    state["heads.1.bias"] = minigrad.zeros(3)
    state["encoder.0.bias"] = minigrad.zeros(4, dtype=minigrad.int64)
    state["scale"] = [1.0, 2.0]
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    for part in (r"Error(s) in loading state_dict for Net", "Missing key(s) in state_dict: 'heads.0.bias'",
                 "Unexpected key(s) in state_dict: 'heads.9.bias'",
                 "size mismatch for heads.1.bias: expected shape (2,) as in the model, got (3,)",
                 "dtype mismatch for encoder.0.bias: expected minigrad.float32 as in the model, got minigrad.int64",
                 "'scale': expected a tensor, got list", "Hint: strict=False"):  # fmt: skip
        assert part in str(error.value)
    for key, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


def test_load_state_dict_not_strict():
    net = nn.Linear(2, 2)
    result = net.load_state_dict({"weight": minigrad.ones(2, 2), "extra": minigrad.ones(1)}, strict=False)
    assert result.missing_keys == ["bias"] and result.unexpected_keys == ["extra"]
    assert net.weight[0, 0].item() == 1.0
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        net.load_state_dict({"weight": minigrad.ones(2, 3)}, strict=False)
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got int"):
        net.load_state_dict(3)


def test_loading_counts_as_a_write():
    net = nn.Linear(2, 2)
    x = minigrad.ones(1, 2, requires_grad=True)
    y = net(x).sum()
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="modified"):
        y.backward()


# -- hooks ----------------------------------------------------------------------------------------------


def test_forward_hooks_see_and_replace():
    layer = nn.ReLU()
    seen = []
    first = layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    layer.register_forward_hook(lambda m, args, y: seen.append((args[0].item(), y.item())))
    last = layer.register_forward_hook(lambda m, args, y: y * 10)
    assert layer(minigrad.tensor(1.0)).item() == 20.0 and seen == [(2.0, 2.0)]
    first.remove(), last.remove()
    assert layer(minigrad.tensor(1.0)).item() == 1.0 and len(seen) == 2


def test_a_parameter_does_not_hide_what_a_module_has():
    net = nn.Linear(2, 2)
    for name in ("type", "forward", "a.b", ""):
        with pytest.raises(KeyError, match="already exists|empty or contain"):
            setattr(net, name, nn.Parameter(minigrad.ones(1)))
    with pytest.raises(TypeError, match="cannot assign 'ReLU' as parameter 'weight'"):
        net.weight = nn.ReLU()
    net.scale = 3
    net.scale = nn.Parameter(minigrad.ones(1))  # what is the module's own gives way
    assert list(net.state_dict()) == ["weight", "bias", "scale"]


def test_hooks_are_kept_as_they_came_by_the_key_of_their_handle():
    net, seen = nn.Linear(2, 2), []

    def hook(*args, **options):
        seen.append(len(args))

    handle = net.register_forward_pre_hook(hook, with_kwargs=True)
    net.register_forward_hook(hook, with_kwargs=True)
    net.register_full_backward_hook(hook)
    for kept in (net._forward_pre_hooks, net._forward_hooks, net._backward_hooks):
        assert list(kept.values()) == [hook]
    net._forward_hooks["mine"] = hook
    copy.deepcopy(net)(minigrad.ones(1, 2)).sum().backward()
    assert seen == [3, 4, 3, 3]
    del net._forward_pre_hooks[handle.id]
    handle.remove()
    assert not net._forward_pre_hooks


def test_forward_hooks_with_keywords_and_order():
    class Scaled(nn.Module):
        def forward(self, x, by=1.0):
            return x * by

    layer = Scaled()
    layer.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kwargs, y: y + kwargs["by"], with_kwargs=True)
    assert layer(minigrad.tensor(2.0), by=2.0).item() == 9.0
    order = []
    layer.register_forward_hook(lambda m, a, y: order.append("second"))
    layer.register_forward_hook(lambda m, a, y: order.append("first"), prepend=True)
    layer(minigrad.tensor(2.0), by=2.0)
    assert order == ["first", "second"]


def test_full_backward_hook():
    layer = nn.Linear(3, 2).double()
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((m, gi[0].numpy().copy(), go[0].numpy().copy())))
    x = minigrad.randn(4, 3, dtype=minigrad.float64, requires_grad=True)
    layer(x).sum().backward()
    ((module, grad_input, grad_output),) = seen
    assert module is layer and (grad_output == 1).all()
    np.testing.assert_allclose(grad_input, x.grad.numpy())
    handle = layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    before, x.grad = x.grad, None
    layer(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * before.numpy())
    handle.remove()
    pre = layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
    x.grad = None
    layer(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * before.numpy())
    np.testing.assert_array_equal(seen[-1][2], 3.0)
    pre.remove()


def test_full_backward_hook_without_a_differentiable_input():
    layer = nn.Linear(3, 2)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].shape)))
    layer(minigrad.randn(4, 3)).sum().backward()
    assert seen == [((None,), (4, 2))] and layer.weight.grad is not None


def test_full_backward_hook_of_several_inputs():
    layer = nn.Bilinear(2, 3, 4)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append([g.shape for g in gi]))
    a, b = minigrad.randn(5, 2, requires_grad=True), minigrad.randn(5, 3, requires_grad=True)
    layer(a, b).sum().backward()
    assert seen == [[(5, 2), (5, 3)]]
    before = a.grad, b.grad
    a.grad = b.grad = None
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2, gi[1] * 3))
    layer(a, b).sum().backward()
    np.testing.assert_allclose(a.grad, 2 * before[0], rtol=1e-6)
    np.testing.assert_allclose(b.grad, 3 * before[1], rtol=1e-6)
    layer.register_full_backward_hook(lambda m, gi, go: gi[:1])
    with pytest.raises(RuntimeError, match="hook: expected None or 2 gradients, got 1"):
        layer(a, b).sum().backward()


def test_an_exception_in_a_hook_comes_through():
    layer = nn.ReLU()

    def broken(module, args):
        raise KeyError("mine")

    layer.register_forward_pre_hook(broken)
    with pytest.raises(KeyError, match="mine"):
        layer(minigrad.ones(1))
    with record() as _, pytest.raises(KeyError, match="mine"):
        layer(minigrad.ones(1))


# -- what the trace hears -------------------------------------------------------------------------------


def test_scopes_are_paths_in_the_calling_module():
    net = Net()
    with record() as program:
        net(minigrad.randn(4, 3))
    scopes = [call.scope for call in program.calls if call.scope]
    assert scopes[0] == ("Net", "encoder", "0")
    assert ("Net", "encoder", "1") in scopes and ("Net", "heads.1") in scopes and scopes[-1] == ("Net",)


def test_two_roots_have_their_own_names():
    a, b = nn.ReLU(), nn.Tanh()
    with record() as program:
        b(a(minigrad.randn(3)))
    assert [call.scope for call in program.calls if call.scope] == [("ReLU",), ("Tanh",)]


# -- printing and containers ----------------------------------------------------------------------------


def test_repr():
    assert repr(nn.Sequential()) == "Sequential()"
    assert repr(nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU()))) == (
        "Sequential(\n  (0): Linear(in_features=3, out_features=4, bias=True)\n  (1): Sequential(\n    (0): ReLU()\n  )\n)"
    )
    assert repr(nn.ModuleList([nn.ReLU(), nn.ReLU()])) == "ModuleList(\n  (0-1): 2 x ReLU()\n)"
    p = nn.Parameter(minigrad.ones(2))
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    two = repr(nn.ParameterList([minigrad.ones(2, 3)] * 2))  # indented as PyTorch's
    assert two.startswith("ParameterList(\n    (0): Parameter containing: [minigrad.float32 of size 2x3]\n    (1)")


def test_sequential_as_a_list():
    a, b, c = nn.Linear(2, 2), nn.ReLU(), nn.Tanh()
    net = nn.Sequential(a, b)
    assert net.append(c) is net and list(net) == [a, b, c] and net[-1] is c and len(net) == 3
    assert list(net[1:]) == [b, c] and type(net[1:]) is nn.Sequential
    net.insert(1, c)
    assert list(net) == [a, c, b, c] and list(net._modules) == ["0", "1", "2", "3"]
    del net[0]
    assert list(net._modules) == ["0", "1", "2"] and net.pop(0) is c
    net[0] = a
    assert list(net + nn.Sequential(b)) == [a, c, b]
    with pytest.raises(IndexError, match="index 9 is out of range for 2 modules"):
        net[9]
    with pytest.raises(TypeError, match="cannot assign 'int' to module '0'"):
        nn.Sequential(3)
    named = nn.Sequential({"first": a, "second": b})
    assert list(named.state_dict()) == ["first.weight", "first.bias"] and named.second is b


def test_module_and_parameter_dicts():
    d = nn.ModuleDict({"a": nn.ReLU()})
    d["b"] = nn.Linear(1, 1)
    d.update([("c", nn.Tanh())])
    assert list(d) == ["a", "b", "c"] and "b" in d and len(d) == 3
    assert isinstance(d.pop("a"), nn.ReLU) and list(d.keys()) == ["b", "c"]
    p = nn.ParameterDict({"w": minigrad.ones(2)})
    p["v"] = nn.Parameter(minigrad.zeros(1))
    assert [n for n, _ in p.named_parameters()] == ["w", "v"] and isinstance(p["w"], nn.Parameter)
    values = nn.ParameterList([minigrad.ones(1)])
    values += [minigrad.zeros(1)]
    values[0] = minigrad.full((1,), 4.0)
    assert [v.item() for v in values] == [4.0, 0.0] and values[-1].item() == 0.0


# -- a state that is more than tensors ---------------------------------------------------------------------------------


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls, self.layer = 0, nn.Linear(2, 2)

    def get_extra_state(self) -> dict:
        return {"calls": self.calls}

    def set_extra_state(self, state: dict) -> None:
        self.calls = state["calls"]


def test_extra_state_is_saved_and_loaded():
    net, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    net[0].calls = 5
    state = net.state_dict()
    assert list(state) == ["0._extra_state", "0.layer.weight", "0.layer.bias"]
    other.load_state_dict(state)
    assert other[0].calls == 5
    del state["0._extra_state"]
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: '0._extra_state'"):
        other.load_state_dict(state)
    with pytest.raises(RuntimeError, match="set_extra_state"):
        nn.Linear(1, 1).set_extra_state({})


def test_state_dict_goes_into_a_given_destination():
    given: dict = {}
    net = nn.Linear(2, 2)
    assert net.state_dict(destination=given, prefix="a.") is given and list(given) == ["a.weight", "a.bias"]
    net.state_dict(given, "b.", True)  # the older way
    assert given["b.weight"] is net.weight


def test_hooks_of_the_state_and_an_older_key_that_is_renamed():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            if f"{prefix}kernel" in state_dict:
                state_dict[f"{prefix}weight"] = state_dict.pop(f"{prefix}kernel")
            super()._load_from_state_dict(state_dict, prefix, *rest)

    net, log = nn.Sequential(Renamed(1, 1, bias=False)), []
    net[0].register_state_dict_pre_hook(lambda module, prefix, keep: log.append(("saving", prefix)))
    net.register_state_dict_post_hook(lambda module, state, prefix, meta: log.append(("saved", list(state))))
    net[0].register_load_state_dict_pre_hook(lambda module, state, prefix, *rest: log.append(("loading", list(state))))
    net[0]._register_load_state_dict_pre_hook(lambda state, prefix, *rest: log.append(("older", prefix)))
    handle = net.register_load_state_dict_post_hook(lambda module, keys: log.append(("loaded", keys.missing_keys)))
    given = {"0.kernel": minigrad.full((1, 1), 3.0)}
    net.load_state_dict(given)
    assert net[0].weight.item() == 3 and list(given) == ["0.kernel"]
    net.state_dict()
    assert log == [("loading", ["0.kernel"]), ("older", "0."), ("loaded", []), ("saving", "0."), ("saved", ["0.weight"])]
    handle.remove()
    net.load_state_dict({}, strict=False)
    assert len(log) == 7


def test_a_state_is_ordered_and_tells_the_versions_of_what_it_came_from():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = net.state_dict()
    assert dict(state._metadata) == {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 2}}
    kept, told = state.copy(), []
    kept.move_to_end("0.weight")
    assert list(kept)[-1] == "0.weight"
    net[1].register_load_state_dict_pre_hook(lambda module, state, prefix, metadata, *rest: told.append(metadata))
    assert not any(net.load_state_dict(state)) and not any(net.load_state_dict(kept))
    assert told == [{"version": 2}, {}]


def test_a_batch_norm_s_state_from_before_batches_were_counted_is_loaded():
    net = nn.BatchNorm1d(2)
    net(minigrad.ones(3, 2))
    state = net.state_dict()
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match="Missing key"):
        net.load_state_dict(state)
    assert not any(net.load_state_dict(dict(state)))
    state._metadata[""]["version"] = 1
    assert not any(net.load_state_dict(state)) and net.num_batches_tracked.item() == 1
    net.load_state_dict({**state, "num_batches_tracked": minigrad.tensor([7])})
    assert net.num_batches_tracked.item() == 7 and net.num_batches_tracked.shape == ()


@pytest.mark.parametrize(("lazy", "whole", "shape"), [
    (lambda: nn.LazyLinear(3), lambda: nn.Linear(4, 3), (2, 4)),
    (lambda: nn.LazyConv2d(3, 2), lambda: nn.Conv2d(4, 3, 2), (2, 4, 5, 5)),
    (lambda: nn.LazyBatchNorm1d(), lambda: nn.BatchNorm1d(4), (2, 4)),
    (lambda: nn.LazyBatchNorm1d(affine=False), lambda: nn.BatchNorm1d(4, affine=False), (2, 4)),
])  # fmt: skip
def test_a_lazy_layer_takes_the_shapes_of_a_loaded_state(lazy, whole, shape):
    x, ours, theirs = minigrad.randn(*shape), lazy(), whole()
    theirs(x)
    ours.load_state_dict(theirs.state_dict())
    assert not ours.has_uninitialized_params()
    np.testing.assert_array_equal(ours.eval()(x).detach().numpy(), theirs.eval()(x).detach().numpy())
    assert type(ours) is type(theirs) and repr(ours) == repr(theirs)


def test_averaged_counts_are_loaded_as_whole_numbers():
    net = nn.BatchNorm1d(2)
    net.load_state_dict({key: (value + value + 3) / 2 for key, value in net.state_dict().items()})
    assert net.num_batches_tracked.item() == 1 and net.num_batches_tracked.dtype is minigrad.int64


def test_a_copied_parameter_has_no_gradient():
    net = nn.Linear(2, 2)
    net(minigrad.ones(1, 2)).sum().backward()
    twin = copy.deepcopy(net)
    assert twin.weight.grad is None and net.weight.grad is not None and type(twin.weight) is nn.Parameter
    tied = copy.deepcopy([net.weight, net.weight, nn.Parameter(minigrad.ones(1), requires_grad=False)])
    assert tied[0] is tied[1] and not tied[2].requires_grad


def test_to_empty_and_mistakes_in_modules_of_ones_own():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    weight = net[0].weight
    assert net.to_empty(device="cpu") is net and net[0].weight is weight and net[1].running_mean.shape == (3,)

    class Unmade(nn.Module):
        def __init__(self) -> None:
            self.size = 3

        def forward(self, x):
            return x

    with pytest.raises(AttributeError, match=r"called before Module.__init__\(\). Hint: super"):
        Unmade()(minigrad.ones(1))
    net.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"tuple of \(new_args, new_kwargs\), but got 3"):
        net(minigrad.ones(1, 2))


# -- containers, once more ---------------------------------------------------------------------------------------------


def test_parameter_dict_has_the_methods_of_a_dict():
    d = nn.ParameterDict({"a": minigrad.ones(1), "b": minigrad.zeros(2)})
    assert d.get("a") is d["a"] and d.get("z") is None and d.get("z", 3) == 3
    assert d.setdefault("a") is d["a"] and isinstance(d.setdefault("c", minigrad.ones(3)), nn.Parameter)
    assert list(reversed(d)) == ["c", "b", "a"] and d.copy()["a"] is d["a"]
    both = d | nn.ParameterDict({"z": minigrad.ones(1)})
    assert list(both) == ["a", "b", "c", "z"] and list(d) == ["a", "b", "c"]
    both |= {"y": minigrad.ones(1)}
    assert both.popitem()[0] == "y" and both.pop("a") is d["a"] and "a" not in both
    assert list(d.fromkeys(["k", "l"], minigrad.ones(1))) == ["k", "l"]
    d.clear()
    assert not len(d) and not list(d.parameters())


def test_sequential_times_a_number():
    layer = nn.Linear(1, 1)
    net = nn.Sequential(layer, nn.ReLU()) * 2
    assert len(net) == 4 and net[2] is layer and len(3 * nn.Sequential(layer)) == 3
    net *= 2
    assert len(net) == 8 and len(list(net.parameters())) == 2
    for bad, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="Sequential: can be multiplied by"):
            net * bad


@pytest.mark.parametrize("name", ["a.b", "", "keys"])
def test_a_name_that_cant_be_is_a_key_error_in_containers_too(name):
    with pytest.raises(KeyError, match="ModuleDict: "):
        nn.ModuleDict({name: nn.ReLU()})


def test_lists_and_dicts_of_parameters_keep_other_values():
    kept = nn.ParameterList([minigrad.ones(2), "a", None, nn.Linear(1, 1)])
    kept += [3]
    kept[1] = minigrad.zeros(1)
    assert [type(value).__name__ for value in kept] == ["Parameter", "Parameter", "NoneType", "Linear", "int"]
    assert list(kept.state_dict()) == ["0", "1", "3.weight", "3.bias"] and copy.deepcopy(kept)[-1] == 3
    assert "(2): Object of type: NoneType" in repr(kept)
    with pytest.raises(TypeError, match="cannot assign 'int' as parameter '0'"):
        kept[0] = 1
    with pytest.raises(TypeError, match="should be called with an iterable, but got Tensor"):
        kept.extend(minigrad.ones(2))
    named = nn.ParameterDict({"b": minigrad.ones(2), "a": "text"})
    named["c"] = 1
    named["c"] = minigrad.zeros(1)
    assert list(named) == ["a", "b", "c"] and list(named.state_dict()) == ["b", "c"]  # a plain dict's go by name
    assert list(nn.ParameterDict([("b", 1), ("a", 2)]).items()) == [("b", 1), ("a", 2)]
    assert {"z": 1} | nn.ParameterDict({"y": 2}) == {"z": 1, "y": 2}
    assert named.pop("a") == "text" and named.popitem()[0] == "c" and len(named) == 1
    with pytest.raises(KeyError, match="already exists"):
        named["keys"] = 1
