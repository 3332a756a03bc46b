"""Random ONNX models for the simplifier: valid, small, and made of what it rewrites.

A dimension is a tuple of its sizes under SETS assignments of sizes to the graph's symbols, so every operator
is chosen to be valid under all of them, and a model runs on inputs of all of them. make(seed) always gives
the same model for a seed. The operators are those of the opset chosen, in that opset's form (axes as
attributes or as inputs, and so on).
"""

from __future__ import annotations

import random

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference

SETS = 3  # assignments of sizes to the symbols
SYMBOLS = {"N": (1, 2, 5), "L": (4, 3, 6), "batch size": (2, 1, 3)}
TYPES = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL, "d": TensorProto.DOUBLE}
NUMPY = {"f": np.float32, "i": np.int64, "b": np.bool_, "d": np.float64}


def K(n):
    return (n,) * SETS


def fixed(dim):
    return all(d == dim[0] for d in dim)


class V:
    """A value: its name, element type, dims, and for sizes what it contains (a list of dims)."""

    def __init__(self, name, dtype, dims, content=None):
        self.name, self.dtype, self.dims, self.content = name, dtype, tuple(dims), content

    @property
    def rank(self):
        return len(self.dims)


class Graph:
    def __init__(self, rng, opset, outer=None):
        self.rng, self.opset, self.outer = rng, opset, outer
        self.nodes, self.values, self.initializers = [], [], []
        self.counter = outer.counter if outer else [0]
        self.numpy = outer.numpy if outer else np.random.default_rng(rng.getrandbits(32))

    # --- making ----------------------------------------------------------------------------------
    def name(self, hint="v"):
        self.counter[0] += 1
        return self.rng.choice(["{}{}", "/{}/{}", "{}:{}", "{}.{}"]).format(hint, self.counter[0])

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = [self.name(op.lower()) for _ in range(outputs)]
        ins = [i.name if isinstance(i, V) else i for i in inputs]
        label = self.name(op) if self.rng.random() < 0.7 else ""
        self.nodes.append(helper.make_node(op, ins, names, name=label, domain=domain, **attributes))
        return names if outputs > 1 else names[0]

    def add(self, op, inputs, dtype, dims, content=None, **attributes):
        v = V(self.node(op, inputs, **attributes), dtype, dims, content)
        self.values.append(v)
        return v

    def constant(self, array, hint="c"):
        """An initializer, or a Constant node."""
        array = np.asarray(array)
        name = self.name(hint)
        if self.rng.random() < 0.7:
            self.initializers.append(numpy_helper.from_array(array, name))
        else:
            tensor = numpy_helper.from_array(array)
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        dtype = {"f": "f", "i": "i", "b": "b"}[array.dtype.kind]
        content = None
        if dtype == "i" and array.ndim == 1:
            content = [K(int(x)) for x in array]
        return V(name, dtype, [K(d) for d in array.shape], content)

    def floats(self, shape, scale=1.0):
        kind = self.rng.random()
        if kind < 0.08:
            return self.constant(np.zeros(shape, np.float32))
        if kind < 0.16:
            return self.constant(np.ones(shape, np.float32))
        return self.constant((self.numpy.standard_normal(shape) * scale).astype(np.float32))

    def ints(self, values):
        return self.constant(np.array(values, np.int64))

    # --- choosing --------------------------------------------------------------------------------
    def scope(self):
        return self.values + (self.outer.scope() if self.outer else [])

    def pick(self, dtype="f", test=lambda v: True):
        found = [v for v in self.scope() if v.dtype == dtype and test(v)]
        if not found:
            raise LookupError(dtype)
        # Late values make deep graphs, early ones wide graphs.
        return found[-1 - min(int(self.rng.expovariate(0.35)), len(found) - 1)]

    def axis(self, rank):
        axis = self.rng.randrange(rank)
        return axis, axis - rank if self.rng.random() < 0.3 else axis


# --- families of operators ---------------------------------------------------------------------------


def unary(g):
    x = g.pick()
    ops = ["Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Floor", "Ceil", "Softplus", "Softsign", "LeakyRelu",
           "Elu", "HardSigmoid", "Identity", "Sin", "Cos", "Relu", "Neg", "Identity", "Dropout"]
    ops += ["Erf", "Sign"] * (g.opset >= 9) + ["Round"] * (g.opset >= 11) + ["HardSwish"] * (g.opset >= 14)
    ops += ["Mish"] * (g.opset >= 18) + ["Gelu"] * (g.opset >= 20)
    g.add(g.rng.choice(ops), [x], "f", x.dims)


def guarded(g):
    """Functions whose arguments must be kept in range."""
    x = g.pick()
    kind = g.rng.randrange(4)
    if kind == 0:
        g.add("Sqrt", [g.add("Abs", [x], "f", x.dims)], "f", x.dims)
    elif kind == 1:
        g.add("Exp", [g.add("Tanh", [x], "f", x.dims)], "f", x.dims)
    else:
        y = g.add("Add", [g.add("Abs", [x], "f", x.dims), g.constant(np.float32(1.5))], "f", x.dims)
        g.add(["Log", "Reciprocal"][kind - 2], [y], "f", x.dims)


def broadcast_constant(g, x):
    """A constant that broadcasts with x: a scalar, one axis, or more."""
    kind = g.rng.random()
    if kind < 0.3 or not x.rank:
        return g.floats(g.rng.choice([(), (1,)]))
    keep = g.rng.randrange(x.rank)
    if kind < 0.7:
        shape = [d[0] if i == keep and fixed(d) else 1 for i, d in enumerate(x.dims)]
    else:
        shape = [d[0] if fixed(d) else 1 for d in x.dims]
    while len(shape) > 1 and shape[0] == 1 and g.rng.random() < 0.5:
        shape = shape[1:]
    return g.floats(shape)


def joint(a, b):
    """The broadcast dims, or None."""
    out = []
    for i in range(max(len(a), len(b))):
        x = a[len(a) - 1 - i] if i < len(a) else K(1)
        y = b[len(b) - 1 - i] if i < len(b) else K(1)
        if x != y and x != K(1) and y != K(1):
            return None
        out.insert(0, y if x == K(1) else x)
    return tuple(out)


def binary(g):
    x = g.pick()
    op = g.rng.choice(["Add", "Sub", "Mul", "Add", "Mul", "Max", "Min", "Div", "Pow"])
    if op == "Div":
        y = g.constant(np.float32(g.rng.choice([1, 2, 0.5, -3])))
    elif op == "Pow":
        y = g.constant(np.float32(g.rng.choice([1, 2, 3])))
        x = g.add("Tanh", [x], "f", x.dims)
    elif g.rng.random() < 0.5:
        y = broadcast_constant(g, x)
    else:
        y = g.pick("f", lambda v: joint(v.dims, x.dims) is not None)
    dims = joint(x.dims, y.dims)
    operands = [x, y] if op in ("Div", "Pow") or g.rng.random() < 0.7 else [y, x]
    if op in ("Max", "Min") and g.opset < 8 and x.dims != y.dims:
        return
    g.add(op, operands, "f", dims)


def compare(g):
    x = g.pick()
    y = g.pick("f", lambda v: joint(v.dims, x.dims) is not None)
    kind = g.rng.randrange(4)
    dims = joint(x.dims, y.dims)
    if kind == 0 and g.opset >= 9:
        b = g.add(g.rng.choice(["Less", "Greater"]), [x, y], "b", dims)
        if g.rng.random() < 0.4:
            b = g.add("Not", [b], "b", dims)
        g.add("Where", [b, x, y], "f", dims)
    elif kind == 1:
        b = g.add(g.rng.choice(["Less", "Greater"]), [x, y], "b", dims)
        other = g.pick("b", lambda v: joint(v.dims, dims) is not None)
        g.add(g.rng.choice(["And", "Or", "Xor"]), [b, other], "b", joint(other.dims, dims))
    elif kind == 2:
        b = g.add("Less", [x, y], "b", dims)
        g.add("Cast", [b], "f", dims, to=TYPES["f"])
    elif g.opset >= 9:
        c = g.constant(np.array(g.rng.random() < 0.5))
        g.add("Where", [c, x, y], "f", dims)


def cast(g):
    kind = g.rng.randrange(5)
    if kind == 0:
        x = g.pick()
        d = g.add("Cast", [x], "d", x.dims, to=TYPES["d"])
        g.add("Cast", [d], "f", x.dims, to=TYPES["f"])
    elif kind == 1:
        x = g.pick()
        i = g.add("Cast", [g.add("Floor", [x], "f", x.dims)], "i", x.dims, to=TYPES["i"])
        g.add("Cast", [i], "f", x.dims, to=TYPES["f"])
    elif kind == 2:
        x = g.pick("b")
        i = g.add("Cast", [x], "i", x.dims, to=TYPES["i"])
        g.add("Cast", [i], "f", x.dims, to=TYPES["f"])
    elif kind == 3:
        x = g.pick()
        g.add("Cast", [x], "f", x.dims, to=TYPES["f"])
    else:
        x = g.pick("i", lambda v: v.rank >= 1)
        g.add("Cast", [x], "f", x.dims, to=TYPES["f"])


def clip(g):
    x = g.pick()
    for _ in range(g.rng.choice([1, 1, 2])):
        low, high = sorted([g.rng.uniform(-2, 2), g.rng.uniform(-2, 2)])
        if g.opset < 11:
            x = g.add("Clip", [x], "f", x.dims, min=low, max=high)
        else:
            ends = [g.constant(np.float32(low)), g.constant(np.float32(high))]
            if g.rng.random() < 0.2:
                ends[g.rng.randrange(2)] = ""
            x = g.add("Clip", [x, *ends], "f", x.dims)


# --- shapes ------------------------------------------------------------------------------------------


def sizes_of(g, x):
    """x's sizes as a computed value."""
    s = V(g.node("Shape", [x]), "i", [K(x.rank)], list(x.dims))
    g.values.append(s)
    return s


def size_chain(g, dims, x):
    """A 1-D int64 value that contains dims, computed from x's sizes where it can."""
    parts = []
    for d in dims:
        if d in x.dims and g.rng.random() < 0.8:
            s = sizes_of(g, x)
            at = x.dims.index(d)
            if g.rng.random() < 0.6:
                i = g.constant(np.array(at if g.rng.random() < 0.8 else at - x.rank, np.int64))
                one = V(g.node("Gather", [s, i], axis=0), "i", [], None)
                part = unsqueezed(g, one, [0])
            else:
                part = V(sliced(g, s, [at], [at + 1], [0], None), "i", [K(1)])
            if g.rng.random() < 0.3:
                part = V(g.node("Mul", [part, g.ints([1])]), "i", [K(1)])
            parts.append(part)
        elif fixed(d):
            parts.append(g.ints([d[0]]))
        else:
            raise LookupError("sizes")
    if len(parts) == 1:
        return parts[0]
    return V(g.node("Concat", parts, axis=0), "i", [K(len(parts))], list(dims))


def unsqueezed(g, x, axes):
    out = list(x.dims)
    for a in sorted(axes):
        out.insert(a, K(1))
    if g.opset < 13:
        name = g.node("Unsqueeze", [x], axes=axes)
    else:
        name = g.node("Unsqueeze", [x, g.ints(axes)])
    return V(name, x.dtype, out)


def squeezed(g, x, axes):
    out = [d for i, d in enumerate(x.dims) if i not in axes]
    if g.opset < 13:
        name = g.node("Squeeze", [x], axes=axes)
    else:
        name = g.node("Squeeze", [x, g.ints(axes)])
    return V(name, x.dtype, out)


def sliced(g, x, starts, ends, axes, steps):
    if g.opset < 10:
        return g.node("Slice", [x], starts=starts, ends=ends, axes=axes)
    inputs = [x, g.ints(starts), g.ints(ends), g.ints(axes)]
    return g.node("Slice", inputs + ([g.ints(steps)] if steps else []))


def multiply(dims):
    out = K(1)
    for d in dims:
        out = tuple(a * b for a, b in zip(out, d, strict=True))
    return out


def reshape(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    dims = list(x.dims)
    kind = g.rng.randrange(4)
    if kind == 0 and len(dims) >= 2:  # two neighbours become one
        at = g.rng.randrange(len(dims) - 1)
        dims[at : at + 2] = [multiply(dims[at : at + 2])]
    elif kind == 1:  # a factor is split off
        at = g.rng.randrange(len(dims))
        factor = next((f for f in (2, 3, 4, 5) if all(d % f == 0 for d in dims[at])), 1)
        rest = tuple(d // factor for d in dims[at])
        dims[at : at + 1] = [rest, K(factor)] if g.rng.random() < 0.5 else [K(factor), rest]
    elif kind == 2:
        dims.insert(g.rng.randrange(len(dims) + 1), K(1))
    else:
        dims = [multiply(dims)]
    if len(dims) > 6:
        return
    target = []
    open_dims = [i for i, d in enumerate(dims) if not (i < x.rank and d == x.dims[i]) and not fixed(d)]
    if len(open_dims) <= 1 and g.rng.random() < 0.5:
        free = open_dims[0] if open_dims else g.rng.randrange(len(dims))
        for i, d in enumerate(dims):
            if i == free:
                target.append(-1)
            elif i < x.rank and d == x.dims[i] and (not fixed(d) or g.rng.random() < 0.5):
                target.append(0)
            else:
                target.append(d[0])
        shape = g.ints(target)
    else:
        shape = size_chain(g, dims, x)
    g.add("Reshape", [x, shape], "f", dims)


def rearrange(g):
    kind = g.rng.randrange(6)
    x = g.pick("f", lambda v: v.rank >= 2)
    if kind <= 1:
        perm = list(range(x.rank))
        g.rng.shuffle(perm)
        if g.rng.random() < 0.1:
            g.add("Transpose", [x], "f", x.dims[::-1])
        else:
            y = g.add("Transpose", [x], "f", [x.dims[p] for p in perm], perm=perm)
            if g.rng.random() < 0.3:
                back = [perm.index(i) for i in range(x.rank)]
                y = g.add(g.rng.choice(["Relu", "Tanh", "Neg"]), [y], "f", y.dims)
                g.add("Transpose", [y], "f", x.dims, perm=back)
    elif kind == 2:
        axis = g.rng.randrange(x.rank + 1)
        g.add("Flatten", [x], "f", [multiply(x.dims[:axis]), multiply(x.dims[axis:])], axis=axis)
    elif kind == 3 and x.rank < 6:
        y = unsqueezed(g, x, [g.rng.randrange(x.rank + 1)])
        g.values.append(y)
    elif kind == 4:
        y = g.pick("f", lambda v: K(1) in v.dims)
        g.values.append(squeezed(g, y, [y.dims.index(K(1))]))
    elif x.rank < 6:
        axis = g.rng.randrange(x.rank + 1)
        y = unsqueezed(g, x, [axis])
        y = g.add("Relu", [y], "f", y.dims)
        g.values.append(squeezed(g, y, [axis]))


def slice_(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    for _ in range(g.rng.choice([1, 1, 2])):
        found = [i for i, d in enumerate(x.dims) if fixed(d) and d[0] >= 2]
        dims = list(x.dims)
        if not found or g.rng.random() < 0.2:
            axis = g.rng.randrange(x.rank)
            starts, ends, steps = [0], [2**31 - 1 if g.rng.random() < 0.5 else 2**62], None
        else:
            axis = g.rng.choice(found)
            n = dims[axis][0]
            start = g.rng.randrange(n)
            end = g.rng.randrange(start + 1, n + 1)
            step = g.rng.choice([1, 1, 1, 2, -1]) if g.opset >= 10 else 1
            if step == -1:
                starts, ends, steps = [-1], [-(2**31)], [-1]
            else:
                dims[axis] = K((end - start + step - 1) // step)
                starts = [start if g.rng.random() < 0.7 else start - n]
                ends = [end if g.rng.random() < 0.7 and end < n else g.rng.choice([n, 2**31 - 1]) if end == n else end]
                steps = [step] if step != 1 or g.rng.random() < 0.2 else None
        x = V(sliced(g, x, starts, ends, [axis], steps), "f", dims)
        g.values.append(x)


def concat(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    axis, written = g.axis(x.rank)
    parts = [x]
    for _ in range(g.rng.choice([1, 1, 2, 3])):
        if g.rng.random() < 0.3 and all(fixed(d) for d in x.dims):
            parts.append(g.floats([d[0] for d in x.dims]))
        else:
            parts.append(g.pick("f", lambda v: v.rank == x.rank and all(
                a == b for i, (a, b) in enumerate(zip(v.dims, x.dims, strict=True)) if i != axis)))
    g.rng.shuffle(parts)
    dims = list(x.dims)
    dims[axis] = tuple(sum(p.dims[axis][s] for p in parts) for s in range(SETS))
    g.add("Concat", parts, "f", dims, axis=written)


def split(g):
    x = g.pick("f", lambda v: any(fixed(d) and d[0] >= 2 for d in v.dims))
    axis = g.rng.choice([i for i, d in enumerate(x.dims) if fixed(d) and d[0] >= 2])
    n = x.dims[axis][0]
    first = g.rng.randrange(1, n)
    sizes = [first, n - first]
    if g.opset < 13:
        names = g.node("Split", [x], outputs=2, axis=axis, split=sizes)
    else:
        names = g.node("Split", [x, g.ints(sizes)], outputs=2, axis=axis)
    for name, size in zip(names, sizes, strict=True):
        dims = list(x.dims)
        dims[axis] = K(size)
        g.values.append(V(name, "f", dims))
    if g.rng.random() < 0.3:
        g.add("Concat", names, "f", x.dims, axis=axis)


def gather(g):
    x = g.pick("f", lambda v: any(fixed(d) for d in v.dims))
    axis = g.rng.choice([i for i, d in enumerate(x.dims) if fixed(d)])
    n = x.dims[axis][0]
    kind = g.rng.randrange(4)
    if kind == 0:
        index = np.array(g.rng.randrange(-n if g.opset >= 11 else 0, n), np.int64)
    elif kind == 1:
        index = np.arange(n, dtype=np.int64)
    else:
        index = g.numpy.integers(0, n, g.rng.choice([(1,), (3,), (2, 2)])).astype(np.int64)
    dims = list(x.dims)
    dims[axis : axis + 1] = [K(d) for d in index.shape]
    y = g.add("Gather", [x, g.constant(index)], "f", dims, axis=axis)
    if index.shape == (1,) and g.rng.random() < 0.6:
        g.values.append(squeezed(g, y, [axis]))


def pad(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    pads = [0] * (2 * x.rank)
    if g.rng.random() < 0.8:
        for i in range(2 * x.rank):
            pads[i] = g.rng.choice([0, 0, 1, 2])
    dims = [tuple(d + pads[i] + pads[i + x.rank] for d in dim) for i, dim in enumerate(x.dims)]
    value = g.rng.choice([0.0, 0.0, 1.5])
    if g.opset < 11:
        g.add("Pad", [x], "f", dims, pads=pads, value=value)
    else:
        extra = [g.constant(np.float32(value))] if value or g.rng.random() < 0.5 else []
        g.add("Pad", [x, g.ints(pads), *extra], "f", dims)


def expand(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    if g.rng.random() < 0.4:
        repeats = [g.rng.choice([1, 1, 2]) for _ in x.dims]
        g.add("Tile", [x, g.ints(repeats)], "f", [tuple(a * r for a in d) for d, r in zip(x.dims, repeats, strict=True)])
        return
    if g.opset < 8:
        return
    like = g.pick("f", lambda v: v.rank >= x.rank and joint(v.dims, x.dims) == v.dims)
    kind = g.rng.randrange(3)
    if kind == 0:
        y = g.add("Expand", [x, sizes_of(g, like)], "f", like.dims)
    elif kind == 1 and all(fixed(d) for d in like.dims):
        y = g.add("Expand", [x, g.ints([d[0] for d in like.dims])], "f", like.dims)
    else:
        y = g.add("Expand", [x, size_chain(g, like.dims, like)], "f", like.dims)
    if g.rng.random() < 0.6:
        g.add(g.rng.choice(["Add", "Mul"]), [y, like], "f", like.dims)


def fill(g):
    """ConstantOfShape and Range over computed sizes."""
    x = g.pick("f", lambda v: v.rank >= 1)
    if g.opset >= 9 and g.rng.random() < 0.6:
        value = helper.make_tensor("value", TensorProto.FLOAT, [1], [g.rng.choice([0.0, 1.0, 2.5])])
        y = g.add("ConstantOfShape", [size_chain(g, x.dims, x)], "f", x.dims, value=value)
        g.add("Add", [y, x], "f", x.dims)
    elif g.opset >= 11:
        d = g.rng.choice(x.dims)
        n = V(g.node("Gather", [sizes_of(g, x), g.constant(np.array(x.dims.index(d), np.int64))], axis=0), "i", [])
        r = V(g.node("Range", [g.constant(np.array(0, np.int64)), n, g.constant(np.array(1, np.int64))]), "i", [d])
        g.values.append(r)
        g.add("Cast", [r], "f", [d], to=TYPES["f"])


def sizes(g):
    """Arithmetic on sizes, as a value of its own."""
    x = g.pick("f", lambda v: v.rank >= 1)
    s = sizes_of(g, x)
    op = g.rng.choice(["Add", "Mul", "Sub", "Div"])
    k = g.ints([g.rng.choice([1, 2, 3])])
    y = g.add(op, [s, k], "i", s.dims)
    if g.rng.random() < 0.4:
        reduce_axis(g, y, "ReduceProd" if g.rng.random() < 0.5 else "ReduceSum", [0], g.rng.random() < 0.5)


def reduce_axis(g, x, op, axes, keep):
    dims = [K(1) if i in axes else d for i, d in enumerate(x.dims) if keep or i not in axes]
    as_input = g.opset >= 18 or (g.opset >= 13 and op == "ReduceSum")
    if as_input:
        return g.add(op, [x, g.ints(axes)], x.dtype, dims, keepdims=int(keep))
    return g.add(op, [x], x.dtype, dims, axes=axes, keepdims=int(keep))


def reduce(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    axes = sorted(g.rng.sample(range(x.rank), g.rng.randrange(1, x.rank + 1)))
    keep = g.rng.random() < 0.5
    op = g.rng.choice(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceMean"])
    y = reduce_axis(g, x, op, axes, keep)
    if keep and len(axes) < x.rank and g.rng.random() < 0.5:
        g.values.append(squeezed(g, y, axes))


def arg(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    axis, written = g.axis(x.rank)
    if g.opset < 11:
        written = axis
    keep = g.rng.random() < 0.5
    dims = [K(1) if i == axis else d for i, d in enumerate(x.dims) if keep or i != axis]
    g.add(g.rng.choice(["ArgMax", "ArgMin"]), [x], "i", dims, axis=written, keepdims=int(keep))


# --- layers ------------------------------------------------------------------------------------------


def matmul(g):
    x = g.pick("f", lambda v: v.rank >= 2 and fixed(v.dims[-1]))
    k, n = x.dims[-1][0], g.rng.choice([1, 3, 4])
    w = g.floats((k, n), 1 / np.sqrt(k))
    y = g.add("MatMul", [x, w], "f", [*x.dims[:-1], K(n)])
    if g.rng.random() < 0.7:
        operands = [y, g.floats((n,))]
        g.rng.shuffle(operands)
        y = g.add("Add", operands, "f", y.dims)
        if g.rng.random() < 0.3:
            g.add("Mul", [y, g.floats(g.rng.choice([(), (n,), (1, n)]))], "f", y.dims)


def product(g):
    x = g.pick("f", lambda v: v.rank >= 2)
    perm = list(range(x.rank))
    perm[-1], perm[-2] = perm[-2], perm[-1]
    y = g.add("Transpose", [x], "f", [x.dims[p] for p in perm], perm=perm)
    g.add("MatMul", [x, y], "f", [*x.dims[:-1], x.dims[-2]])


def gemm(g):
    x = g.pick("f", lambda v: v.rank == 2 and fixed(v.dims[1]))
    k, n = x.dims[1][0], g.rng.choice([1, 3, 4])
    transposed = g.rng.random() < 0.5
    w = g.floats((n, k) if transposed else (k, n), 1 / np.sqrt(k))
    attributes = {"transB": 1} if transposed else {}
    if g.rng.random() < 0.2:
        attributes.update(alpha=0.5, beta=2.0)
    c = [g.floats(g.rng.choice([(n,), (1, n), (1,)]))]
    if g.opset >= 11 and g.rng.random() < 0.2:
        c = []
    y = g.add("Gemm", [x, w, *c], "f", [x.dims[0], K(n)], **attributes)
    if g.rng.random() < 0.4:
        affine(g, y, n)


def affine(g, y, channels):
    """Something that may be folded into the layer before."""
    kind = g.rng.randrange(3)
    if kind == 0:
        scale = g.constant(g.numpy.uniform(0.5, 1.5, channels).astype(np.float32))
        shift, mean = g.floats((channels,)), g.floats((channels,), 0.1)
        var = g.constant(g.numpy.uniform(0.5, 1.5, channels).astype(np.float32))
        y = g.add("BatchNormalization", [y, scale, shift, mean, var], "f", y.dims)
    else:
        shape = (channels,) + (1,) * (y.rank - 2)
        if g.rng.random() < 0.3:
            shape = (1, *shape)
        y = g.add(g.rng.choice(["Mul", "Add", "Sub"]), [y, g.floats(shape)], "f", y.dims)
    if g.rng.random() < 0.5:
        g.add("Relu", [y], "f", y.dims)


def conv(g):
    x = g.pick("f", lambda v: v.rank in (3, 4) and fixed(v.dims[1]) and v.dims[1][0] <= 8
               and all(min(d) >= 1 for d in v.dims[2:]))
    spatial, c = x.rank - 2, x.dims[1][0]
    if g.rng.random() < 0.2:  # ConvTranspose
        group = g.rng.choice([1, *[d for d in (2, c) if c % d == 0]])
        each = g.rng.choice([1, 2, 4]) if group < 4 else 1
        n = group * each
        if g.rng.random() < 0.3:
            x = g.add("Mul", [x, g.floats((c,) + (1,) * spatial)], "f", x.dims)
        w = g.floats((c, each) + (2,) * spatial, 0.5)
        bias = [g.floats((n,))] if g.rng.random() < 0.4 else []
        dims = [x.dims[0], K(n), *[tuple(2 * s for s in d) for d in x.dims[2:]]]
        y = g.add("ConvTranspose", [x, w, *bias], "f", dims, strides=[2] * spatial, group=group)
        if g.rng.random() < 0.6:
            affine(g, y, n)
        return
    k, p = g.rng.choice([(1, 0), (3, 1), (3, 1), (2, 1)])
    group = g.rng.choice([c, 2 if c % 2 == 0 else 1]) if g.rng.random() < 0.3 else 1
    n = c if group > 1 else g.rng.choice([1, 2, 4])
    if g.rng.random() < 0.15:
        x = g.add("Mul", [x, g.floats((c,) + (1,) * spatial)], "f", x.dims)
    w = g.floats((n, c // group) + (k,) * spatial, 0.4)
    bias = [g.floats((n,))] if g.rng.random() < 0.5 else []
    dims = [x.dims[0], K(n), *[tuple(s + 2 * p - k + 1 for s in d) for d in x.dims[2:]]]
    pads = [p] * (2 * spatial)
    if p and g.rng.random() < 0.3:  # the padding as a node
        amounts = [0, 0, *[p] * spatial] * 2
        padded = [x.dims[0], x.dims[1], *[tuple(s + 2 * p for s in d) for d in x.dims[2:]]]
        if g.opset < 11:
            x = g.add("Pad", [x], "f", padded, pads=amounts)
        else:
            x = g.add("Pad", [x, g.ints(amounts)], "f", padded)
        pads = [0] * (2 * spatial)
    y = g.add("Conv", [x, w, *bias], "f", dims, kernel_shape=[k] * spatial, pads=pads, group=group)
    if g.rng.random() < 0.6:
        affine(g, y, n)


def pool(g):
    x = g.pick("f", lambda v: v.rank in (3, 4) and all(min(d) >= 2 for d in v.dims[2:]))
    spatial = x.rank - 2
    kind = g.rng.randrange(3)
    if kind == 0:
        y = g.add(g.rng.choice(["GlobalAveragePool", "GlobalMaxPool"]), [x], "f", [*x.dims[:2], *[K(1)] * spatial])
        after = g.rng.randrange(4)
        if after == 0:
            g.values.append(squeezed(g, y, list(range(2, y.rank))))
        elif after == 1:
            g.add("Flatten", [y], "f", [y.dims[0], y.dims[1]], axis=1)
        elif after == 2:
            g.add("Reshape", [y, g.ints([0, -1])], "f", [y.dims[0], y.dims[1]])
    elif g.rng.random() < 0.4:
        dims = [*x.dims[:2], *[tuple(s - 1 for s in d) for d in x.dims[2:]]]
        g.add(["MaxPool", "AveragePool"][kind - 1], [x], "f", dims, kernel_shape=[2] * spatial)
    else:
        window(g, x, ["MaxPool", "AveragePool"][kind - 1])


def padded(g, x, amounts, value):
    """x with Pad in front; no other node uses it."""
    dims = [tuple(s + amounts[i] + amounts[i + x.rank] for s in d) for i, d in enumerate(x.dims)]
    if g.opset < 11:
        return V(g.node("Pad", [x], pads=amounts, value=value), "f", dims)
    inputs = [x, g.ints(amounts)]
    if value != 0 or g.rng.random() < 0.5:
        inputs.append(g.constant(np.float32(value)))
    if g.opset >= 18 and g.rng.random() < 0.4:  # some axes only
        axes = [i for i in range(x.rank) if amounts[i] or amounts[i + x.rank]] or [x.rank - 1]
        inputs[1] = g.ints([amounts[i] for i in axes] + [amounts[i + x.rank] for i in axes])
        inputs += [""] * (3 - len(inputs))
        inputs.append(g.ints([i if g.rng.random() < 0.7 else i - x.rank for i in axes]))
    return V(g.node("Pad", inputs), "f", dims)


def window(g, x, op):
    """A pool with all that it may have, often behind a Pad."""
    spatial = x.rank - 2
    kernel = [g.rng.choice([1, 2, 2, 3, 3]) for _ in range(spatial)]
    strides = [g.rng.choice([1, 1, 2, 3]) for _ in range(spatial)]
    gaps = g.rng.random() < 0.15 and g.opset >= (10 if op == "MaxPool" else 19)
    dilations = [g.rng.choice([1, 2]) if gaps else 1 for _ in range(spatial)]
    own = [0] * (2 * spatial)
    if g.rng.random() < 0.4:
        own = [g.rng.randrange(k) for k in kernel * 2]
    ceil = g.opset >= 10 and g.rng.random() < 0.35
    if g.rng.random() < 0.75:
        wide = g.rng.random() < 0.1
        amounts = [0] * (2 * x.rank)
        for i in range(spatial):
            for side in (0, 1):
                room = kernel[i] + 1 if wide else max(kernel[i] - own[i + side * spatial], 1)
                amounts[2 + i + side * x.rank] = g.rng.randrange(room)
        kind = g.rng.randrange(5)
        if kind == 0:
            x = g.add(g.rng.choice(["Relu", "Sigmoid", "Abs"]), [x], "f", x.dims)
        elif kind == 1 and g.opset >= 11:
            ends = [g.constant(np.float32(g.rng.choice([0.0, 0.5, -0.5]))), g.constant(np.float32(2.0))]
            x = g.add("Clip", [x, *ends], "f", x.dims)
        value = g.rng.choice([0.0, 0.0, 0.0, 1.5])
        if op == "MaxPool" and not wide and not gaps and g.rng.random() < 0.4:
            value = g.rng.choice([-np.inf, float(np.finfo(np.float32).min)])
        x = padded(g, x, amounts, value)
    attributes = {"kernel_shape": kernel, "strides": strides, "pads": own}
    if gaps:
        attributes["dilations"] = dilations
    if ceil:
        attributes["ceil_mode"] = 1
    if op == "AveragePool" and g.rng.random() < 0.5:
        attributes["count_include_pad"] = 1
    dims = list(x.dims[:2])
    for i in range(spatial):
        extent = dilations[i] * (kernel[i] - 1) + 1
        sizes = []
        for s in x.dims[2 + i]:
            room = s + own[i] + own[spatial + i] - extent
            if room < 0:
                raise LookupError("too small")
            n = (room + strides[i] - 1 if ceil else room) // strides[i] + 1
            left_out = ceil and (n - 1) * strides[i] >= s + own[i]
            if left_out and g.opset < 22:  # the runtime's shape inference counts it, its kernel does not
                raise LookupError("a window too many")
            sizes.append(n - left_out)
        dims.append(tuple(sizes))
    g.add(op, [x], "f", dims, **attributes)


def einsum(g):
    """One or two inputs; axes shared or not, summed or not, in any order; transposes around it."""
    if g.opset < 12:
        return
    x = g.pick("f", lambda v: 1 <= v.rank <= 4)
    letters = g.rng.sample("abcdefghijklmnop", 10)
    first = letters[: x.rank]
    sizes = dict(zip(first, x.dims, strict=True))
    inputs, terms = [x], [first]
    linear = fixed(x.dims[-1]) and g.rng.random() < 0.3  # a weight takes the last axis
    if linear:
        second = [first[-1], letters[x.rank]] if g.rng.random() < 0.6 else [letters[x.rank], first[-1]]
        sizes[letters[x.rank]] = K(g.rng.choice([1, 2, 3]))
        inputs.append(g.floats([sizes[c][0] for c in second], 0.5))
        terms.append(second)
    elif g.rng.random() < 0.85:
        if g.rng.random() < 0.5:  # a weight
            shared = [c for c in first if fixed(sizes[c]) and g.rng.random() < 0.5]
            new = letters[x.rank : x.rank + g.rng.choice([0, 1, 1, 1, 2])]
            second = shared + new
            if not second:
                raise LookupError("no axis")
            if g.rng.random() < 0.4:
                g.rng.shuffle(second)
            sizes.update({c: K(g.rng.choice([1, 2, 3])) for c in new})
            y = g.floats([sizes[c][0] for c in second], 0.5)
        else:
            y = g.pick("f", lambda v: 1 <= v.rank <= 4)
            second, left = [], list(first)
            for i, d in enumerate(y.dims):
                fits = [c for c in left if sizes[c] == d]
                if fits and g.rng.random() < 0.8:
                    second.append(fits[0] if g.rng.random() < 0.7 else g.rng.choice(fits))
                    left.remove(second[-1])
                else:
                    second.append(letters[x.rank + i])
                    sizes[second[-1]] = d
        inputs.append(y)
        terms.append(second)
    both = set(terms[0]) & set(terms[-1]) if len(terms) == 2 else set()
    lead = first[0] if first[0] not in both and g.rng.random() < 0.15 else None  # written as "..."
    output = [c for c in dict.fromkeys(sum(terms, [])) if c == lead or g.rng.random() < (0.5 if c in both else 0.9)]
    # MatMul's order: what is shared, what the first has, what the second has.
    output.sort(key=lambda c: (c not in both, c not in first))
    if linear:
        output = [*first[:-1], letters[x.rank]]
    elif g.rng.random() < 0.4:
        g.rng.shuffle(output)
    if lead:
        output.remove(lead)
        output.insert(0, lead)
    if g.rng.random() < 0.15:
        order = g.rng.randrange(2)
        inputs, terms = inputs[::-1] if order else inputs, terms[::-1] if order else terms
    for i, v in enumerate(inputs):
        if lead is None and v.rank >= 2 and g.rng.random() < 0.3:
            perm = list(range(v.rank))
            g.rng.shuffle(perm)
            inputs[i] = g.add("Transpose", [v], "f", [v.dims[p] for p in perm], perm=perm)
            terms[i] = [terms[i][p] for p in perm]
    text = [["..." if c == lead else c for c in term] for term in [*terms, output]]
    equation = ("," if g.rng.random() < 0.7 else " , ").join("".join(t) for t in text[:-1])
    single = sorted(c for c in sizes if sum(term.count(c) for term in terms) == 1)
    if g.rng.random() < 0.1 and lead is None:
        output = single
    else:
        equation += "->" + "".join(text[-1])
    y = g.add("Einsum", inputs, "f", [sizes[c] for c in output], equation=equation)
    if y.rank >= 2 and g.rng.random() < 0.3:
        perm = list(range(y.rank))
        g.rng.shuffle(perm)
        y = g.add("Transpose", [y], "f", [y.dims[p] for p in perm], perm=perm)
    if g.rng.random() < 0.3:
        g.add("Mul", [y, g.constant(np.float32(0.25))], "f", y.dims)


def normalize(g):
    x = g.pick("f", lambda v: v.rank >= 2 and fixed(v.dims[-1]) and v.dims[-1][0] >= 2)
    n = x.dims[-1][0]
    kind = g.rng.randrange(4)
    if kind == 0 and g.opset >= 17:
        g.add("LayerNormalization", [x, g.floats((n,)), g.floats((n,))], "f", x.dims, axis=-1)
    elif kind == 1 and x.rank >= 3 and fixed(x.dims[1]):
        c = x.dims[1][0]
        g.add("InstanceNormalization", [x, g.floats((c,)), g.floats((c,))], "f", x.dims, epsilon=1e-2)
    else:  # written out
        mean = reduce_axis(g, x, "ReduceMean", [x.rank - 1], True)
        d = g.add("Sub", [x, mean], "f", x.dims)
        square = g.add("Pow", [d, g.constant(np.float32(2))], "f", x.dims) if g.rng.random() < 0.6 else g.add("Mul", [d, d], "f", x.dims)
        var = reduce_axis(g, square, "ReduceMean", [x.rank - 1], True)
        s = g.add("Sqrt", [g.add("Add", [var, g.constant(np.float32(1e-2))], "f", var.dims)], "f", var.dims)
        y = g.add("Div", [d, s], "f", x.dims)
        if g.rng.random() < 0.7:
            y = g.add("Mul", [y, g.floats((n,))], "f", x.dims)
            g.add("Add", [y, g.floats((n,))], "f", x.dims)


def softmax(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    axis, written = g.axis(x.rank)
    if g.opset < 11:
        written = axis
    g.add(g.rng.choice(["Softmax", "LogSoftmax"]), [x], "f", x.dims, axis=written)


def activation(g):
    """Activations written out in smaller operators."""
    x = g.pick()
    kind = g.rng.randrange(4)
    half, one = g.constant(np.float32(0.5)), g.constant(np.float32(1))
    if kind == 0 and g.opset >= 9:
        e = g.add("Erf", [g.add("Div", [x, g.constant(np.float32(np.sqrt(2)))], "f", x.dims)], "f", x.dims)
        y = g.add("Mul", [x, g.add("Add", [e, one], "f", x.dims)], "f", x.dims)
        g.add("Mul", [y, half], "f", x.dims)
    elif kind == 1:
        g.add("Mul", [x, g.add("Sigmoid", [x], "f", x.dims)], "f", x.dims)
    elif kind == 2:
        s = g.add("Add", [x, g.constant(np.float32(3))], "f", x.dims)
        if g.opset < 11:
            s = g.add("Clip", [s], "f", x.dims, min=0.0, max=6.0)
        else:
            s = g.add("Clip", [s, g.constant(np.float32(0)), g.constant(np.float32(6))], "f", x.dims)
        g.add("Div", [g.add("Mul", [x, s], "f", x.dims), g.constant(np.float32(6))], "f", x.dims)
    else:
        t = g.add("Mul", [x, g.constant(np.float32(0.797))], "f", x.dims)
        t = g.add("Add", [g.add("Tanh", [t], "f", x.dims), one], "f", x.dims)
        g.add("Mul", [g.add("Mul", [x, half], "f", x.dims), t], "f", x.dims)


def resize(g):
    x = g.pick("f", lambda v: v.rank == 4)
    dims = [*x.dims[:2], *[tuple(2 * s for s in d) for d in x.dims[2:]]]
    if max(multiply(dims)) > 20000:
        return
    scales = np.array([1, 1, 2, 2], np.float32)
    if g.opset < 9:
        g.add("Upsample", [x], "f", dims, scales=scales.tolist())
    elif g.opset == 9:
        g.add("Upsample", [x, g.constant(scales)], "f", dims)
    elif g.opset == 10:
        g.add("Resize", [x, g.constant(scales)], "f", dims)
    elif g.rng.random() < 0.5:
        roi = [""] if g.opset >= 13 else [g.constant(np.zeros(0, np.float32))]
        g.add("Resize", [x, *roi, g.constant(scales)], "f", dims, mode="nearest")
    else:
        s = sizes_of(g, x)
        two = V(g.node("Mul", [s, g.ints([1, 1, 2, 2])]), "i", [K(4)])
        roi = ["", ""] if g.opset >= 13 else [g.constant(np.zeros(0, np.float32))] * 2
        g.add("Resize", [x, *roi, two], "f", dims, mode="nearest")


def blocks(g):
    x = g.pick("f", lambda v: v.rank == 4 and fixed(v.dims[1]) and v.dims[1][0] % 4 == 0)
    dims = [x.dims[0], K(x.dims[1][0] // 4), *[tuple(2 * s for s in d) for d in x.dims[2:]]]
    y = g.add("DepthToSpace", [x], "f", dims, blocksize=2)
    if g.rng.random() < 0.5:
        g.add("SpaceToDepth", [y], "f", x.dims, blocksize=2)


def quantize(g):
    if g.opset < 10:
        return
    x = g.pick()
    scale = g.constant(np.float32(0.05))
    name = g.name("zero")
    g.initializers.append(numpy_helper.from_array(np.array(128, np.uint8), name))
    zero = V(name, "u", [])
    q = V(g.node("QuantizeLinear", [x, scale, zero]), "u", x.dims)
    g.add("DequantizeLinear", [q, scale, zero], "f", x.dims)


def top_k(g):
    x = g.pick("f", lambda v: v.rank >= 1 and fixed(v.dims[-1]) and v.dims[-1][0] >= 2)
    dims = [*x.dims[:-1], K(2)]
    if g.opset < 10:
        names = g.node("TopK", [x], outputs=2, k=2)
    else:
        names = g.node("TopK", [x, g.ints([2])], outputs=2)
    g.values += [V(names[0], "f", dims), V(names[1], "i", dims)]


def duplicate(g):
    """The same node once more, under other names; now and then with what it needs as well."""
    found = [n for n in g.nodes[-12:] if len(n.output) == 1 and n.op_type != "Constant"]
    known = {v.name: v for v in g.values}
    if not found:
        return
    renamed = {}
    for node in g.rng.sample(found, min(len(found), g.rng.choice([1, 2, 3]))):
        copy = type(node)()
        copy.CopyFrom(node)
        copy.name = ""
        copy.input[:] = [renamed.get(i, i) for i in node.input]
        copy.output[0] = g.name("twin")
        renamed[node.output[0]] = copy.output[0]
        # Inputs may come later in the list when the order was shuffled: only copies of what is there.
        g.nodes.append(copy)
        old = known.get(node.output[0])
        if old is not None:
            g.values.append(V(copy.output[0], old.dtype, old.dims, old.content))


# --- control flow ------------------------------------------------------------------------------------


def body_of(g, count, wanted=None, inputs=()):
    """A graph around which g is: a few nodes; its last float value, or one with the dims wanted."""
    inner = Graph(g.rng, g.opset, g)
    inner.values += list(inputs)
    for _ in range(count):
        step(inner, control=False)
    if wanted is None:
        return inner, None
    x = inner.pick("f", lambda v: joint(v.dims, wanted) == tuple(wanted))
    zero = inner.constant(np.zeros([1] * len(wanted), np.float32))
    y = inner.add("Add", [x, zero], "f", wanted) if x.dims == tuple(wanted) else None
    if y is None:
        like = inner.pick("f", lambda v: v.dims == tuple(wanted))
        y = inner.add("Add", [x, like], "f", wanted)
    return inner, y


def finish_body(inner, name, inputs, outputs):
    infos = [helper.make_tensor_value_info(v.name, TYPES[v.dtype], None) for v in outputs]
    return helper.make_graph(inner.nodes, name, inputs, infos, inner.initializers)


def if_(g):
    like = g.pick("f", lambda v: v.rank >= 1)
    if g.rng.random() < 0.4:
        condition = g.constant(np.array(g.rng.random() < 0.5))
    else:
        x = g.pick("f", lambda v: v.rank >= 1)
        s = reduce_axis(g, x, "ReduceMean", list(range(x.rank)), False)
        condition = g.add("Less", [s, g.constant(np.float32(g.rng.uniform(-0.5, 0.5)))], "b", [])
    branches = {}
    for key in ("then_branch", "else_branch"):
        inner, y = body_of(g, g.rng.randrange(1, 5), like.dims)
        branches[key] = finish_body(inner, g.name(key), [], [y])
    g.add("If", [condition], "f", like.dims, **branches)


def loop(g):
    x = g.pick("f", lambda v: v.rank >= 1)
    trips = g.rng.choice([1, 2, 3])
    state = V(g.name("state"), "f", x.dims)
    i, keep = g.name("i"), g.name("keep")
    inner, y = body_of(g, g.rng.randrange(1, 4), x.dims, [state])
    y = inner.add("Tanh", [y], "f", x.dims)  # keeps it bounded
    keep_out = V(inner.node("Identity", [keep]), "b", [])
    inputs = [
        helper.make_tensor_value_info(i, TensorProto.INT64, []),
        helper.make_tensor_value_info(keep, TensorProto.BOOL, []),
        helper.make_tensor_value_info(state.name, TensorProto.FLOAT, None),
    ]
    scanned = g.rng.random() < 0.5
    outputs = [keep_out, y, y] if scanned else [keep_out, y]
    if scanned:
        outputs[2] = inner.add("Neg", [y], "f", x.dims)
    body = finish_body(inner, g.name("body"), inputs, outputs)
    n, go = g.constant(np.array(trips, np.int64)), g.constant(np.array(True))
    names = g.node("Loop", [n, go, x], outputs=1 + scanned, body=body)
    names = names if isinstance(names, list) else [names]
    g.values.append(V(names[0], "f", x.dims))
    if scanned:
        g.values.append(V(names[1], "f", [K(trips), *x.dims]))


def scan(g):
    """A state and slices of a value along an axis; gives the last state, and one value of each step."""
    if g.opset < 9:  # before, it had a batch of its own
        return
    x = g.pick("f", lambda v: 2 <= v.rank <= 4)
    axis, written = g.axis(x.rank)
    first = g.pick("f", lambda v: v.rank >= 1)
    state, part = V(g.name("state"), "f", first.dims), V(g.name("slice"), "f", x.dims[:axis] + x.dims[axis + 1 :])
    inner, y = body_of(g, g.rng.randrange(1, 5), first.dims, [state, part])
    y = inner.add("Tanh", [y], "f", first.dims)
    carried = inner.add("Add", [y, state], "f", first.dims) if g.rng.random() < 0.5 else y
    given = []
    for _ in range(g.rng.choice([0, 1, 1, 2])):
        v = inner.pick("f", lambda v: v.rank <= 4 and v in inner.values)
        given.append(inner.add(g.rng.choice(["Neg", "Abs"]), [v], "f", v.dims))

    def info(v):
        return helper.make_tensor_value_info(v.name, TYPES[v.dtype], [d[0] if fixed(d) else None for d in v.dims])

    body = helper.make_graph(inner.nodes, g.name("body"), [info(state), info(part)],
                             [info(v) for v in [carried, *given]], inner.initializers)
    attributes = {"body": body, "num_scan_inputs": 1}
    if axis or g.rng.random() < 0.3:
        attributes["scan_input_axes"] = [axis if g.opset < 11 else written]
    if g.rng.random() < 0.3:
        attributes["scan_input_directions"] = [1]
    places = [g.rng.randrange(v.rank + 1) if g.rng.random() < 0.3 else 0 for v in given]
    if any(places):
        attributes["scan_output_axes"] = places
    names = g.node("Scan", [first, x], outputs=1 + len(given), **attributes)
    names = names if isinstance(names, list) else [names]
    g.values.append(V(names[0], "f", first.dims))
    for name, v, at in zip(names[1:], given, places, strict=True):
        g.values.append(V(name, "f", [*v.dims[:at], x.dims[axis], *v.dims[at:]]))


PLAIN = [(unary, 5), (guarded, 2), (binary, 8), (compare, 3), (cast, 3), (clip, 2), (reshape, 6), (rearrange, 7),
         (slice_, 4), (concat, 4), (split, 2), (gather, 3), (pad, 2), (expand, 3), (fill, 2), (sizes, 2),
         (reduce, 4), (arg, 1), (matmul, 4), (product, 1), (gemm, 2), (conv, 5), (pool, 5), (einsum, 3), (normalize, 3),
         (softmax, 2), (activation, 3), (resize, 1), (blocks, 1), (quantize, 1), (top_k, 1), (duplicate, 4)]
CONTROL = [(if_, 2), (loop, 1), (scan, 1)]
LIMIT = 4000  # elements of a value, about


def step(g, control=True):
    """One more operator, or pattern of operators; nothing where no value fits."""
    choices = PLAIN + (CONTROL if control else [])
    family = g.rng.choices([f for f, _ in choices], [w for _, w in choices])[0]
    saved = len(g.nodes), len(g.values), len(g.initializers)
    try:
        family(g)
        if any(max(multiply(v.dims)) > LIMIT or v.rank > 6 for v in g.values[saved[1] :]):
            raise LookupError("too large")
    except LookupError:
        del g.nodes[saved[0] :], g.values[saved[1] :], g.initializers[saved[2] :]


def dims_proto(dims, named):
    out = []
    for d in dims:
        name = next((n for n, v in SYMBOLS.items() if v == d), None)
        out.append((name if name else d[0] if fixed(d) else None) if named else None)
    return out


def make(seed, opsets=range(7, 25)):
    """(model, feeds for each assignment of sizes, the value's rank of float outputs are not checked)."""
    rng = random.Random(seed)
    opset = rng.choice(list(opsets))
    g = Graph(rng, opset)
    inputs = []
    for i in range(rng.choice([1, 2, 2, 3])):
        rank = rng.choice([2, 3, 3, 4, 4])
        dims = [SYMBOLS[rng.choice(list(SYMBOLS))] if rng.random() < 0.75 else K(rng.choice([1, 2]))]
        dims += [K(rng.choice([2, 3, 4, 8]))]
        dims += [SYMBOLS["L"] if rng.random() < 0.25 else K(rng.choice([2, 3, 4, 6])) for _ in range(rank - 2)]
        v = V(f"input {i}" if rng.random() < 0.2 else f"x{i}", "f", dims)
        inputs.append(v)
        g.values.append(v)
    for _ in range(rng.randrange(3, 32)):
        step(g)
        if len(g.nodes) > 60:
            break
    made = [v for v in g.values if v not in inputs and v.dtype in TYPES]
    if not made:
        made = [g.add("Relu", [inputs[0]], "f", inputs[0].dims)]
    some = rng.sample(made, min(len(made), rng.choice([1, 1, 2, 3, 4])))
    if made[-1] not in some:
        some.append(made[-1])
    protos = [helper.make_tensor_value_info(v.name, TYPES["f"], dims_proto(v.dims, True)) for v in inputs]
    with_sizes = rng.random() < 0.5
    outputs = [
        helper.make_tensor_value_info(v.name, TYPES[v.dtype], dims_proto(v.dims, with_sizes))
        for v in some
    ]
    graph = helper.make_graph(g.nodes, "random", protos, outputs, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    if rng.random() < 0.15:
        model = shape_inference.infer_shapes(model)
    if rng.random() < 0.1:  # an initializer that may be overridden
        some_initializers = [t for t in graph.initializer if t.data_type == TensorProto.FLOAT]
        if some_initializers:
            t = rng.choice(some_initializers)
            model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)))
    noise = np.random.default_rng(seed)
    feeds = []
    for s in range(SETS):
        feeds.append({v.name: noise.standard_normal([d[s] for d in v.dims]).astype(np.float32) for v in inputs})
    return model, feeds


if __name__ == "__main__":
    import sys

    for seed in map(int, sys.argv[1:]):
        model, _ = make(seed)
        checker.check_model(model, full_check=True)
        print(helper.printable_graph(model.graph))
