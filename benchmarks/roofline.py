"""The least time that a case can take on the machine that was measured: arithmetic at its peak, or weights read once."""
import math


def fft_operations(k):
    """Real split-radix operations of k points (2 k lg k - 4k + 6, exact for powers of two, near for others)."""
    return max(2 * k * math.log2(k) - 4 * k + 6, 0) if k > 1 else 0


def product_operations(rows, cols, taps, k, inputs, outputs):
    """Operations of a product with a dense weight, or the least of dense and spectral with a circulant one.

    `inputs` and `outputs` count samples times pixels. A half spectrum is k real slots: DC, for even k Nyquist, and pairs.
    """
    dense = 2 * rows * cols * taps * outputs
    if not k:
        return dense
    p, q = -(-rows // k), -(-cols // k)
    reals = 2 - k % 2 if k > 1 else 1
    multiply = p * q * taps * outputs * (2 * reals + 8 * (k - reals) // 2)
    return min(dense, multiply + fft_operations(k) * (q * inputs + p * outputs))


def fewer_operations(case, operations):
    """Operations of bytes that take as long as what a convolution of bytes with 3 x 3 taps and a stride of 1 can have instead: for
    4 x 4 results 36 products of 16 bits, which are half as fast, in place of 144."""
    if case.taps != 3 or case.stride != 1 or not case.height:
        return operations
    tiles = math.ceil(case.height / 4) * math.ceil(case.width / 4)
    return min(operations, 2 * 2 * 36 * tiles * case.rows * case.cols * case.batch)


def level_of(case, machine, num_bytes):
    """The nearest memory that holds so many bytes, or that the case's sweep leaves."""
    nearest = {"": 0, "l2cold": 2, "dramcold": len(machine["levels"]) - 1}[case.cold]
    levels = machine["levels"][min(nearest, len(machine["levels"]) - 1):]
    return next(level for level in levels if level["bytes"] >= num_bytes or level["bytes"] == 0)


def floor(case, machine, products, weights_bytes, network, ours_us, best_sweep=0):
    """{floor_us, percent, floor}: the last says what bounds it. `best_sweep`: the bandwidth of the case's own sweep."""
    if case.kind == "rfft":
        operations = case.batch * fft_operations(case.k)
    elif hasattr(network, "operations"):
        operations = network.operations
    else:
        operations = sum(product_operations(*product) for product in products)
    form = "i8" if case.quantized_peer else case.precision or "f32"
    if hasattr(network, "operations"):  # in vectors as long as those of f32
        form = "f32"
    elif form == "i8":
        operations = fewer_operations(case, operations)
    peaks = machine["peak_flops"]
    peak = peaks[form] or peaks["f32"]
    activations = (1 if case.channels_last else 4) * case.batch * (math.prod(network.input_shape) + math.prod(network.output_shape))
    num_bytes = weights_bytes + activations
    level = level_of(case, machine, weights_bytes or activations)
    compute = 1e6 * operations / peak if peak else 0
    rate = max(level["read_bytes_per_s"], best_sweep)
    memory = 1e6 * num_bytes / rate
    floor_us = max(compute, memory)
    text = (f"{operations / 1e6:.4g} M operations at {peak / 1e9:.0f} G/s ({form}): {compute:.3g} us; {num_bytes / 1e6:.4g} MB "
            f"from {level['name']} at {rate / 1e9:.0f} GB/s: {memory:.3g} us")
    return dict(floor_us=floor_us, percent=100 * floor_us / ours_us, floor=text)
