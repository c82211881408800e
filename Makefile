# The targets explain themselves: a comment after "##" is what "make" shows.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    := 5s
COUNT       := 6
SOAKED      := TestKilledAtRandomInstants|TestNobodyIsLostWhateverWriteFails|TestFleetLosesNobody|TestCrashPoints

.DEFAULT_GOAL := help
.PHONY: help build lint deps test soak demo bench microbench fuzz man clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-17s %s\n", $$1, $$2}'

build: ## build ./alta
	go build -o alta .

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these files:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

deps: ## retracted or deprecated modules, and known vulnerabilities
	.ci/deps

test: ## all tests, with the race detector
	go test -race -timeout 80m ./...

# The figures of docs/promises.md. The log of a test that fails is shown whole.
soak: ## the long form of the proofs: 500 kills, every failing write, random lives; takes about an hour
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	ALTA_SOAK=1 go test -count=1 -v -timeout 3h -run '^($(SOAKED))$$' ./internal/app >"$$log" 2>&1; status=$$?; \
	if [ $$status -ne 0 ]; then cat "$$log"; exit $$status; fi; \
	grep -v -e '^=== ' -e '^    --- PASS' -e '^        --- PASS' "$$log"
	go test -count=1 -timeout 1h ./pipeline -rapid.checks=20000
	go test -count=1 -timeout 1h -run TestInvariants ./store -rapid.checks=2000
	go test -count=1 -timeout 1h -run TestInvariants ./store/postgres -rapid.checks=1000
	$(MAKE) fuzz FUZZTIME=10s

demo: ## the whole product on this machine; ends by itself
	go run . demo --once

bench: ## alta beside its rivals; writes the figures of docs/performance.md; takes about 35 minutes and 10 GB of disk
	go run ./internal/bench -huge -write

microbench: ## every Go benchmark COUNT (6) times, for benchstat
	go test -run '^$$' -bench . -benchmem -count $(COUNT) $$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u)

fuzz: ## every fuzz target for FUZZTIME (5s)
	@set -e; grep -rn --include='*_test.go' -o '^func Fuzz[A-Za-z0-9]*' . | while IFS=: read -r file _ target; do \
		go test -run '^$$' -fuzz "^$${target#func }\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null; \
	done

man: ## write the man pages into ./man
	go run . man man

clean: ## remove what the other targets made
	rm -rf alta man
