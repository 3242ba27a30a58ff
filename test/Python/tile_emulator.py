"""Libraries for processors with tiles (AMX) where there are none: test/Emulator through ctypes. On a processor that has them, they run on it."""
import ctypes
import pathlib

import pytest

import compress_mlir
from conftest import need_to_run

_LIBRARY = pathlib.Path(compress_mlir.native._find_compiler()).parents[1] / "lib" / "libCompressTileEmulator.so"
_ALL = 0xffffffff
# Everything that a library checks for, as Intel's manual numbers it: what a processor with tiles has, and none of which emulated code needs.
_TILES = 1 << 22 | 1 << 24 | 1 << 25
_TILE_STATE = 1 << 17 | 1 << 18


class _MoreCPUID(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("leaf", "subleaf", "eax", "ebx", "ecx", "edx")]


class _Machine(ctypes.Structure):
    _fields_ = [("cpuid", ctypes.POINTER(_MoreCPUID)), ("num_cpuid", ctypes.c_uint64), ("xcr0", ctypes.c_uint32), ("permission", ctypes.c_int32)]


class Questions(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("cpuid", "xgetbv", "requests")]


class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("configures", "releases", "zeros", "loads", "stores", "products")]

    def __repr__(self):
        return ", ".join(f"{name} {getattr(self, name)}" for name, _ in self._fields_)


class Emulator:
    """`is_emulating`: instructions are counted; else the processor executes them itself."""
    GRANTED, ASK_THE_SYSTEM = 0, 1

    def __init__(self):
        if not _LIBRARY.exists():
            pytest.skip(f"{_LIBRARY.name} is not built: this is no x86-64")
        need_to_run("sapphirerapids")  # tiles are emulated, vectors are not
        self._library = ctypes.CDLL(str(_LIBRARY))
        self._library.tile_emulator_take_counts.restype = Counts
        self.is_emulating = self._library.tile_emulator_install() == 1

    def deny_requests(self):
        """For this process, which cannot have it otherwise any more."""
        assert self._library.deny_tile_requests() == 0

    def choose(self, library, permission=GRANTED, has_tiles=True, saves_tiles=True):
        """Has `library` (compress_mlir.Library) choose its variant on a processor that has all there is. Returns (code, Questions) of a call
        with a negative batch, whose code is 1 if there is a variant, and 4 if there is none."""
        bits = _ALL if has_tiles else _ALL & ~_TILES
        leaves = (_MoreCPUID * 4)((1, 0, 0, 0, _ALL, 0), (7, 0, 1, _ALL, _ALL, bits), (7, 1, _ALL, 0, 0, _ALL), (0x80000001, 0, 0, 0, _ALL, 0))
        machine = _Machine(leaves, len(leaves), 0xe6 | (_TILE_STATE if saves_tiles else 0), permission)
        asked = Questions()
        run = ctypes.cast(library._run, ctypes.c_void_p)
        code = self._library.call_on_pretended_machine(ctypes.byref(machine), ctypes.byref(asked), run, ctypes.c_int64(-1), (ctypes.c_void_p * 5)())
        return code, asked

    def counted_run(self, library, feeds):
        """(outputs, Counts) of library.run(feeds); the tiles are released after it."""
        self._library.tile_emulator_take_counts()
        results = library.run(feeds)
        assert not self.is_emulating or self._library.tile_emulator_is_released()
        return results, self._library.tile_emulator_take_counts()
