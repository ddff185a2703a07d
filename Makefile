# Everything a person or CI does here. Each target sets up what it needs.
CARGO ?= cargo
CACHE ?= $(or $(MULTINIC_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/multinic)
CRD := charts/multinic/files/nodenetworkconfigs.yaml
DENY_VERSION := 0.20.2
DENY := $(CACHE)/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
ACTIONLINT_VERSION := 1.7.12
ACTIONLINT := $(CACHE)/actionlint-$(ACTIONLINT_VERSION)/bin/actionlint
MDBOOK_VERSION := 0.5.4
MDBOOK := $(CACHE)/mdbook-$(MDBOOK_VERSION)/bin/mdbook

.DEFAULT_GOAL := help
.PHONY: help demo test soak check workflows crds docs site plugin images chart e2e vm audit bench

help: ## What there is to do
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## The product on real parts, told as it happens (root; KEEP=1 leaves it running)
	$(CARGO) run --locked --bin demo -- $(if $(KEEP),--keep)

test: ## Every test, the whole-system stories included (root)
	$(CARGO) run --locked --bin setup
	$(CARGO) test --locked

soak: ## Hours of what `make test` does in minutes: files of other tools, killed agents, random lives, a week of the producer (root; INPUTS=1000, SYNCS=3360, SEED=n again)
	$(CARGO) run --locked --bin setup
	MULTINIC_SOAK_INPUTS=$(or $(INPUTS),1000) $(if $(SEED),MULTINIC_SOAK_SEED=$(SEED)) \
		$(CARGO) test --locked --package multinic-testbed --test readers
	MULTINIC_SOAK_STORIES=1 $(if $(SEED),MULTINIC_SOAK_SEED=$(SEED)) $(if $(INPUTS),MULTINIC_SOAK_INPUTS=$(INPUTS)) \
		$(CARGO) test --locked --package multinic-testbed --test stories -- at_length_
	MULTINIC_SOAK_SYNCS=$(or $(SYNCS),3360) $(if $(SEED),MULTINIC_SOAK_SEED=$(SEED)) \
		$(CARGO) test --locked --package multinic-testbed --test replay

check: ## The fast inner loop: format, lints, unit and property tests, drift (no root)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --workspace --lib --bins
	@$(MAKE) --no-print-directory workflows

workflows: ## Lints the workflows in .github; needs Go, the first time
	@if [ -x $(ACTIONLINT) ] || command -v go > /dev/null; then \
		$(MAKE) --no-print-directory --silent $(ACTIONLINT) && $(ACTIONLINT) -shellcheck= -pyflakes= .github/workflows/*.yml; \
	elif [ "$$CI" = true ]; then echo 'workflows: they cannot be linted without Go' >&2; exit 1; \
	else echo 'workflows: skipped, since there is no Go'; fi

crds: ## Write the definition that the chart ships from the types
	$(CARGO) run --locked --quiet --bin crdgen > $(CRD).new
	mv $(CRD).new $(CRD)

docs: ## Write what the pages in docs/ take from the code
	$(CARGO) run --locked --quiet --bin docgen

# A copy with the tree's own paths, so that links between pages are the same here and in the tree.
site: $(MDBOOK) ## The pages as a small site with a search, in target/site
	rm -rf target/site target/site-source
	mkdir -p target/site-source/pages
	cp docs/book.toml target/site-source
	cp --parents -r *.md LICENSE docs examples charts/multinic/values.yaml charts/multinic/files target/site-source/pages
	cd target/site-source/pages && rm -r docs/src docs/Cargo.toml docs/book.toml && \
		sed -E 's#]\(([a-z-]+\.md)#](docs/\1#; s#]\(\.\./#](#' docs/SUMMARY.md > SUMMARY.md && rm docs/SUMMARY.md
	$(MDBOOK) build target/site-source

plugin: ## kubectl multinic: the operator's binary as a plugin of kubectl, in target/plugin or in PREFIX/bin
	$(CARGO) build --locked --release --package multinic-operator --bin multinic-operator
	install -D --mode 755 target/release/multinic-operator $(if $(PREFIX),$(PREFIX)/bin,target/plugin)/kubectl-multinic

images: ## Both container images (IMAGE_NAME=REGISTRY/multinic-agent PUSH=1; PLATFORMS=linux/amd64,linux/arm64)
	scripts/images.sh $(if $(PUSH),--push)

chart: ## What the chart makes of values, for every supported Kubernetes (no root)
	$(CARGO) test --locked --package multinic-testbed-cluster --test chart

e2e: ## Images and chart on clusters of real nodes with real pods, and scripts/deploy.sh (root)
	$(CARGO) run --locked --bin setup
	$(CARGO) run --locked --package multinic-testbed-cluster --bin setup-cluster
	$(CARGO) test --locked --package multinic-testbed-cluster --test e2e -- --test-threads 1

vm: ## Real NICs: permanent MACs, udev's names, PCI hot-plug and reboots on emulated machines, some minutes (root)
	$(CARGO) run --locked --bin setup
	$(CARGO) test --locked --package multinic-testbed-vm --test vm -- --test-threads 1

audit: $(DENY) ## Licences, bans and sources of all dependencies; advisories where their database answers
	$(DENY) --locked check licenses bans sources
	@if $(DENY) --locked fetch db 2>/dev/null; then $(DENY) --locked check --disable-fetch advisories; \
	else echo 'advisories: skipped, since their database cannot be reached from here'; fi

bench: ## Memory, latency, other ways to configure a NIC beside ours, restarts and bad boots, and what the operator costs, release build (root; PEERS=1, FAULTS=1 or FLEET=1 only those, DOCS=1 writes docs/bench.md)
	$(CARGO) run --locked --bin bench -- $(if $(PEERS),--peers) $(if $(FAULTS),--faults) $(if $(FLEET),--fleet) $(if $(DOCS),--docs)

$(DENY):
	$(CARGO) install --locked cargo-deny --version $(DENY_VERSION) --root $(dir $(patsubst %/,%,$(dir $@)))

$(ACTIONLINT):
	CGO_ENABLED=0 GOBIN=$(abspath $(dir $@)) go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)

$(MDBOOK):
	$(CARGO) install --locked mdbook --version $(MDBOOK_VERSION) --no-default-features --features search \
		--root $(dir $(patsubst %/,%,$(dir $@)))
