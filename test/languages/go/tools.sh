# The plugins are tools of client/go/tools/go.mod, which pins them.
command -v go >/dev/null || not_here go
export GOFLAGS=-modcacherw
