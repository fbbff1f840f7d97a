"""Makes the code of the contract, kelpie/v1, at each build: it is in the wheel, and not in the repository."""

import pathlib

from setuptools import setup
from setuptools.command.build_py import build_py

PROTOS = pathlib.Path(__file__).resolve().parent / "../../protos"


class BuildWithContract(build_py):
    def run(self) -> None:
        super().run()
        import grpc_tools
        from grpc_tools import protoc

        google = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        files = sorted(str(one) for one in PROTOS.glob("kelpie/v1/*.proto"))
        out = self.build_lib
        made = [f"--{plugin}_out={out}" for plugin in ("python", "pyi")]
        if not files or protoc.main(["protoc", f"-I{PROTOS}", f"-I{google}", *made, *files]) != 0:
            raise SystemExit(f"the code of the contract could not be made from {PROTOS}")
        (pathlib.Path(out) / "kelpie/v1/__init__.py").touch()


setup(cmdclass={"build_py": BuildWithContract})
