"""lit configuration: FileCheck tests on IR files and on the tools."""
import os

import lit.formats

config.name = "compress-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".c"]
config.excludes = ["Inputs", "Unit", "lib", "Python", "Embed"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.compress_obj
config.environment["PATH"] = os.pathsep.join([config.compress_bin, config.llvm_bin, os.environ["PATH"]])
config.environment["PYTHONPATH"] = os.path.join(config.compress_src, "python")
for variable in ("ORT_LIB", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]

config.substitutions.append(("%python", config.compress_python))
config.substitutions.append(("%cc", config.compress_cc))
config.substitutions.append(("%cxx", config.compress_cxx))
config.substitutions.append(("%src", config.compress_src))
config.substitutions.append(("%bin", config.compress_bin))

config.substitutions.append(("%capi", os.path.join(config.compress_obj, "..", "lib", "libCompressCAPI.so")))

plugin = os.path.join(config.compress_obj, "..", "lib", "libCompressPlugin.so")
config.substitutions.append(("%plugin", plugin))
# Sanitizer runtimes cannot be loaded into a program built without them.
if os.path.exists(plugin) and "asan" not in config.compress_bin:
    config.available_features.add("plugin")
