# Where the test data lies that is not ours to publish (W3C vectors, the vulnerability database).
# Tests that need it say so when it is absent, and fail only when CI is set.
MAPAE_DATA := $(abspath $(or $(MAPAE_DATA),../shared))
export MAPAE_DATA

.DEFAULT_GOAL := help
.PHONY: help run test prove lint bench screenshots

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## serve at http://localhost:8080 with SQLite in ./data; more flags with ARGS="…"
	go run ./cmd/mapae serve $(ARGS)

test: ## install what the tests need, then run every check and every test
	scripts/check.sh test

prove: ## run the long forms of the proofs, or ONLY="…", and write docs/proofs.md
	scripts/prove.sh

lint: ## gofmt, go mod tidy, vet, staticcheck, govulncheck
	scripts/check.sh lint

bench: ## sign-ins a second and CPU a sign-in, beside the floor
	go run ./internal/bench $(ARGS)

screenshots: ## picture every screen in every language: e2e/screenshots/contact-sheet.html
	scripts/setup-test.sh
	npm ci --prefix e2e --silent
	MAPAE_SCREENSHOTS=$(CURDIR)/e2e/screenshots go test -C e2e -count=1 ./...
