"""compress-drop-dead-channels on random networks: the outputs of the masked network, and as many channels dropped as NumPy finds."""
import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NETWORKS = 8
BATCH = 24


class Network:
    """Nodes that are written as ONNX and evaluated in double, together with what of each sample depends on the input. Tensors
    know the group of their channels: what has one map for each channel of a group is dropped together."""

    def __init__(self, rng, channels, extent):
        self.rng, self.nodes, self.initializers = rng, [], {}
        self.x = rng.normal(size=(BATCH, channels, extent, extent)).astype(np.float32)
        self.values = {"x": self.x.astype(float)}
        self.depends = {"x": np.ones(self.x.shape[1:], bool)}
        self.groups = {"x": None}
        self.sizes, self.makers, self.reads = [], [], []

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers[name] = array.astype(np.float32)
        return name, self.initializers[name].astype(float)

    def add(self, op, inputs, value, depends, group, **attributes):
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        assert value.shape[1:] == depends.shape
        self.values[name], self.depends[name], self.groups[name] = value, depends, group
        return name

    def group(self, size, maker):
        self.sizes.append(size)
        self.makers.append(maker)
        return len(self.sizes) - 1

    def masked(self, outs, ins, *taps):
        """Weights with zero filters, and inputs that nothing reads; output 0 and input 0 are spared, so that a channel stays."""
        w = self.rng.normal(size=(outs, ins) + taps) / np.sqrt(ins * np.prod(taps, dtype=int))
        w[1:][self.rng.random(outs - 1) < 0.3] = 0
        w[:, 1:][:, self.rng.random(ins - 1) < 0.25] = 0
        return w

    def conv(self, a, outs, kernel, pad, group=None):
        x = self.values[a]
        name, w = self.constant(self.masked(outs, x.shape[1], kernel, kernel))
        bias, b = self.constant(self.rng.normal(size=outs))
        def pads(values):
            return np.pad(values, [(0, 0)] * (values.ndim - 2) + [(pad, pad)] * 2)

        def product(values, weights):
            windows = np.lib.stride_tricks.sliding_window_view(values, (kernel, kernel), (-2, -1))
            return np.einsum("...cyxhw,ochw->...oyx", windows, weights)

        padded, depends = pads(x), pads(self.depends[a])
        made = self.add("Conv", [a, name, bias], product(padded, w) + b[:, None, None], product(depends * 1., w != 0) > 0, None, pads=[pad] * 4)
        self.groups[made] = self.group(outs, made) if group is None else group
        self.reads.append((self.groups[a], self.groups[made], w.reshape(outs, x.shape[1], -1), padded, depends))
        return made

    def gemm(self, a, outs, is_last=False):
        x = self.values[a]
        group, size = self.groups[a], self.sizes[self.groups[a]]
        w = self.masked(outs, size, x.shape[1] // size)
        if is_last:
            w[-1] = self.rng.normal(size=w.shape[1:])
        name, w = self.constant(w.reshape(outs, -1))
        bias, b = self.constant(self.rng.normal(size=outs))
        made = self.add("Gemm", [a, name, bias], x @ w.T + b, self.depends[a] * 1. @ (w.T != 0) > 0, None, transB=1)
        self.groups[made] = None if is_last else self.group(outs, made)
        self.reads.append((group, self.groups[made], w.reshape(outs, size, -1), x.reshape(BATCH, size, -1), self.depends[a].reshape(size, -1)))
        return made

    def activation(self, a):
        x, kind = self.values[a], self.rng.choice(["Relu", "LeakyRelu", "Sigmoid", "Tanh"], p=[0.6, 0.2, 0.1, 0.1])
        y = {"Relu": lambda: np.maximum(x, 0), "LeakyRelu": lambda: np.where(x < 0, np.float32(0.01) * x, x),
             "Sigmoid": lambda: 1 / (1 + np.exp(-x)), "Tanh": lambda: np.tanh(x)}[kind]()
        return self.add(kind, [a], y, self.depends[a], self.groups[a])

    def batch_norm(self, a):
        """After an activation, where the importer cannot fold it."""
        x = self.values[a]
        c = x.shape[1]
        names, (s, t, m, v) = zip(*(self.constant(n) for n in (self.rng.uniform(0.5, 2, c), self.rng.normal(size=c),
                                                               self.rng.normal(size=c), self.rng.uniform(0.5, 2, c))))
        s, t, m, v = (n.reshape(-1, *[1] * (x.ndim - 2)) for n in (s, t, m, v))
        y = (x - m) / np.sqrt(v + np.float32(1e-5)) * s + t
        return self.add("BatchNormalization", [a, *names], y, self.depends[a], self.groups[a])

    def skip(self, a):
        """a + activation(conv(a)): both have the same channels."""
        b = self.activation(self.conv(a, self.values[a].shape[1], 3, 1, group=self.groups[a]))
        return self.add("Add", [a, b], self.values[a] + self.values[b], self.depends[a] | self.depends[b], self.groups[a])

    def pool(self, a):
        kind = self.rng.choice(["MaxPool", "AveragePool"])

        def windows(x):
            h, w = x.shape[-2] // 2, x.shape[-1] // 2
            return x[..., :2 * h, :2 * w].reshape(*x.shape[:-2], h, 2, w, 2)

        x = windows(self.values[a])
        y = x.max((-3, -1)) if kind == "MaxPool" else x.mean((-3, -1))
        return self.add(kind, [a], y, windows(self.depends[a]).any((-3, -1)), self.groups[a], kernel_shape=[2, 2], strides=[2, 2])

    def flatten(self, a):
        if self.rng.random() < 0.3:
            y = self.values[a].mean((2, 3), keepdims=True)
            a = self.add("GlobalAveragePool", [a], y, self.depends[a].any((1, 2), keepdims=True), self.groups[a])
        return self.add("Flatten", [a], self.values[a].reshape(BATCH, -1), self.depends[a].ravel(), self.groups[a])

    def save(self, path, result):
        graph = helper.make_graph(
            self.nodes, "dead", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.x.shape[1:]])],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["N", *self.values[result].shape[1:]])],
            [numpy_helper.from_array(a, name) for name, a in self.initializers.items()])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))

    def expected_drops(self):
        """By group: channels that each reader sees as one number, for all inputs and places, or that only dropped ones read."""
        dead = [np.zeros(size, bool) for size in self.sizes]
        while True:
            before = sum(d.sum() for d in dead)
            for group, size in enumerate(self.sizes):
                needed = np.zeros(size, bool)
                for source, target, w, seen, depends in self.reads:
                    if source != group:
                        continue
                    alive = ~dead[target] if target is not None else np.ones(len(w), bool)
                    is_read = (w[alive] != 0).any((0, 2))
                    varies = depends.reshape(size, -1).any(1) | (np.ptp(seen[0].reshape(size, -1), axis=1) > 1e-9)
                    needed |= is_read & varies
                dead[group] = ~needed
            if sum(d.sum() for d in dead) == before:
                return [int(d.sum()) for d in dead]


def random_network(rng):
    net = Network(rng, int(rng.integers(1, 3)), int(rng.integers(8, 12)))
    a = "x"
    for _ in range(rng.integers(1, 3)):
        pad = int(rng.integers(0, 2)) if net.values[a].shape[2] > 2 else 1
        a = net.activation(net.conv(a, int(rng.integers(4, 9)), 3, pad))
        if rng.random() < 0.4:
            a = net.batch_norm(a)
        if rng.random() < 0.5:
            a = net.skip(a)
        if rng.random() < 0.6 and net.values[a].shape[2] > 3:
            a = net.pool(a)
    a = net.flatten(a)
    for _ in range(rng.integers(1, 3)):
        a = net.activation(net.gemm(a, int(rng.integers(4, 12))))
    return net, net.gemm(a, 3, is_last=True)


def test_outputs_and_counts(rng, tmp_path, compile_and_load):
    total = 0
    for i in range(NETWORKS):
        net, result = random_network(rng)
        path, report = tmp_path / f"net{i}.onnx", tmp_path / f"net{i}.json"
        net.save(path, result)
        rules = "structured(columns)" if i % 2 else None  # exact: what is left out is zero
        library = compile_and_load(path, reference=True, drop_dead_channels=True, report=report, compress=rules)
        got = library.run({"x": net.x.astype(library.inputs[0].dtype)})[result]
        want = net.values[result]
        assert np.max(np.abs(got - want)) <= 1e-6 * np.max(np.abs(want)), i
        rows = [row for row in json.loads(report.read_text())["layers"] if row["pass"] == "drop-dead-channels"]
        dropped = {row["layer"]: row["channels_dropped"] for row in rows if row["kind"] == "passed"}
        expected = {maker: n for maker, n in zip(net.makers, net.expected_drops()) if n}
        assert dropped == expected, (i, [n.op_type for n in net.nodes])
        total += sum(expected.values())
    assert total > 2 * NETWORKS  # the networks have something to drop


def test_without_the_option_nothing_is_dropped(rng, tmp_path, compile_and_load):
    net, result = random_network(rng)
    net.save(tmp_path / "net.onnx", result)
    report = tmp_path / "net.json"
    library = compile_and_load(tmp_path / "net.onnx", report=report)
    assert "drop-dead-channels" not in report.read_text()
    got, want = library.run({"x": net.x})[result], net.values[result]
    assert np.max(np.abs(got - want)) <= 1e-4 * np.max(np.abs(want))
