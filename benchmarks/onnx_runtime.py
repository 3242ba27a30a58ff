"""Runs an ONNX file in ONNX Runtime's library through its C functions: no package of it is needed, only NumPy."""
import ctypes as C

import numpy as np

_P = C.c_void_p
_VERSION = 16
# Places in struct OrtApi, which only grows.
_PLACES = dict(GetErrorMessage=2, CreateEnv=3, CreateSession=7, Run=9, CreateSessionOptions=10, SetSessionGraphOptimizationLevel=23,
               SetIntraOpNumThreads=24, CreateTensorWithDataAsOrtValue=49, GetTensorMutableData=51, GetTensorElementType=60,
               GetDimensionsCount=61, GetDimensions=62, GetTensorTypeAndShape=65, CreateCpuMemoryInfo=69, ReleaseValue=96,
               ReleaseTensorTypeAndShapeInfo=99)
_DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}


class Session:
    """A model on one thread, with all optimizations unless fewer are asked for (1: those that change no rounding)."""

    def __init__(self, path, library, outputs, optimizations=99):
        class Base(C.Structure):
            _fields_ = [("GetApi", C.CFUNCTYPE(_P, C.c_uint32)), ("GetVersionString", C.CFUNCTYPE(C.c_char_p))]
        loaded = C.CDLL(library)
        loaded.OrtGetApiBase.restype = C.POINTER(Base)
        self._table = C.cast(loaded.OrtGetApiBase().contents.GetApi(_VERSION), C.POINTER(_P))
        self.outputs = list(outputs)
        environment, options, self._session, self._memory = _P(), _P(), _P(), _P()
        self._call("CreateEnv", [C.c_int, C.c_char_p, _P], 3, b"peer", C.byref(environment))
        self._call("CreateSessionOptions", [_P], C.byref(options))
        self._call("SetIntraOpNumThreads", [_P, C.c_int], options, 1)
        self._call("SetSessionGraphOptimizationLevel", [_P, C.c_int], options, optimizations)
        self._call("CreateSession", [_P, C.c_char_p, _P, _P], environment, str(path).encode(), options, C.byref(self._session))
        self._call("CreateCpuMemoryInfo", [C.c_int, C.c_int, _P], 1, 0, C.byref(self._memory))

    def _call(self, name, types, *arguments):
        status = C.CFUNCTYPE(_P, *types)(self._table[_PLACES[name]])(*arguments)
        if status:
            text = C.CFUNCTYPE(C.c_char_p, _P)(self._table[_PLACES["GetErrorMessage"]])(status)
            raise RuntimeError(f"ONNX Runtime, {name}: {text.decode()}")

    def _release(self, name, handle):
        C.CFUNCTYPE(None, _P)(self._table[_PLACES[name]])(handle)

    def _value(self, array):
        dims, value = (C.c_int64 * max(array.ndim, 1))(*array.shape), _P()
        self._call("CreateTensorWithDataAsOrtValue", [_P, _P, C.c_size_t, _P, C.c_size_t, C.c_int, _P], self._memory,
                   array.ctypes.data, array.nbytes, dims, array.ndim, _CODES[array.dtype], C.byref(value))
        return value

    def _array(self, value):
        info, code, rank, data = _P(), C.c_int(), C.c_size_t(), _P()
        self._call("GetTensorTypeAndShape", [_P, _P], value, C.byref(info))
        self._call("GetTensorElementType", [_P, _P], info, C.byref(code))
        self._call("GetDimensionsCount", [_P, _P], info, C.byref(rank))
        dims = (C.c_int64 * max(rank.value, 1))()
        self._call("GetDimensions", [_P, _P, C.c_size_t], info, dims, rank.value)
        self._release("ReleaseTensorTypeAndShapeInfo", info)
        self._call("GetTensorMutableData", [_P, _P], value, C.byref(data))
        shape, dtype = list(dims)[:rank.value], np.dtype(_DTYPES[code.value])
        return np.frombuffer(C.string_at(data, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize), dtype).reshape(shape).copy()

    def run(self, feeds):
        """The outputs, a dict of arrays by name, of `feeds`, a dict of arrays by name."""
        arrays = [np.ascontiguousarray(value) if value.ndim else value.copy() for value in feeds.values()]
        inputs = (_P * len(arrays))(*map(self._value, arrays))
        input_names = (C.c_char_p * len(arrays))(*(name.encode() for name in feeds))
        output_names = (C.c_char_p * len(self.outputs))(*(name.encode() for name in self.outputs))
        outputs = (_P * len(self.outputs))()
        self._call("Run", [_P, _P, _P, _P, C.c_size_t, _P, C.c_size_t, _P], self._session, None, C.cast(input_names, _P),
                   C.cast(inputs, _P), len(arrays), C.cast(output_names, _P), len(self.outputs), C.cast(outputs, _P))
        results = {name: self._array(_P(value)) for name, value in zip(self.outputs, outputs)}
        for value in (*inputs, *outputs):
            self._release("ReleaseValue", _P(value))
        return results
