# Every target is a script of package.json, after what it needs is installed.
.PHONY: run test redis demo demo-cluster demo-go demo-java soak bench languages test-languages conformance docs check release build gen clean

NODE_MODULES := node_modules/.package-lock.json
BEDROCK_MODULES := test/bedrock/node_modules/.package-lock.json

# Install, build, and start a coordinator on 127.0.0.1:50051.
run: build
	@node dist/server/main.js

# Run all tests, the demo among them. Ends with the count.
test: build redis $(BEDROCK_MODULES)
	@npm run --silent test

# The redis-server that tests start: installed where apt-get may, else the command says how.
redis:
	@bash test/support/redis/install.sh

# A small Bedrock network with real players: TIMES=3 for three in a row.
demo: build $(BEDROCK_MODULES)
	@node dist/test/bedrock/demo.js

# The same network with three coordinators on one Redis, which fail one after the other: TIMES=3 for three in a row.
demo-cluster: build redis $(BEDROCK_MODULES)
	@node dist/test/bedrock/cluster/demo.js

# The same with Dragonfly servers and a proxy on gophertunnel, all with the Go client: TIMES=3 for three in a row.
demo-go: build
	@bash test/bedrock/go/run.sh

# The same with real PowerNukkit servers and our plugin for them: TIMES=3 for three in a row. Needs JDK 17 and Maven.
demo-java: build $(BEDROCK_MODULES)
	@bash test/bedrock/java/run.sh

# Attacks at their full size, then sixty restarts under load, ten seconds apart: nothing may grow.
soak: build redis
	@npm run --silent soak

# Throughput and latency beside peers, in the same run: ARGS=--quick for a short one.
bench: build redis
	@node dist/test/bench/main.js $(ARGS)

# The clients of all languages, each with the tools of its language: ONLY='go java' for some parts. Ends with the count.
test-languages: build $(BEDROCK_MODULES)
	@bash test/languages/all.sh

# Generated code for languages without a client of ours, compiled with a small plugin where the tools are there.
languages: $(NODE_MODULES)
	@bash test/languages/languages.sh

# The code of kelpie/v1 for one of cpp, csharp, go, java, kotlin, php, python, ruby and rust: OUT=folder.
gen-%: $(NODE_MODULES)
	@bash test/languages/generate.sh $* $(OUT)

# The libraries of all languages against the scenarios of the contract: LANGUAGES=go,java and ONLY='resume*' for some.
conformance: build
	@node dist/test/conformance/main.js --languages "$(LANGUAGES)" --only "$(ONLY)" $(ARGS)

# The reference of the API and of the contract, as pages in dist/docs. A broken link fails.
docs: build
	@npm run --silent docs

# Everything that is not a test: generated code, style, layers, unused code, dependencies, coverage of the last test.
check: build
	npm run --silent gen:fresh
	npm run --silent lint
	npm run --silent arch
	npm run --silent unused
	npm run --silent supply
	npm run --silent docs
	npm run --silent breaking
	@test -d coverage/tmp || $(MAKE) test
	npm run --silent coverage

# The package, its bill of materials and their sums, in dist/release: of a commit, built anew. Publishes nothing.
release: clean
	@$(MAKE) --no-print-directory build
	@npm run --silent release

build: $(NODE_MODULES)
	@npm run --silent build

gen: $(NODE_MODULES)
	@npm run --silent gen

clean:
	rm -rf dist coverage

$(NODE_MODULES): package.json package-lock.json
	@npm ci --ignore-scripts --no-fund --no-audit
	@touch $@

$(BEDROCK_MODULES): test/bedrock/package.json test/bedrock/package-lock.json
	@cd test/bedrock && npm ci --ignore-scripts --no-fund --no-audit
	@touch $@
