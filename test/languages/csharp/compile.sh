# C#: no registry of this build has the runtime (Google.Protobuf is on NuGet alone), so the code is made and not compiled.
. "$(dirname "$0")/../common.sh"
generate
grep -rq 'namespace Kelpie.V1' "$out"
not_here "dotnet with NuGet: $(generated '*.cs') files were generated and not compiled, without the services"
