# Every chore of this repository, one command each. `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The services that are there; each is published as one native executable.
services := $(wildcard $(addsuffix /*.csproj,sidecar operator injector placement sentry scheduler))
rid := linux-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
# Of executables, images and chart, unless VERSION, TAG and REGISTRY say otherwise.
version = $(or $(VERSION),$(shell sed -n 's/.*<Version [^>]*>\(.*\)<.*/\1/p' Directory.Build.props))
tag = $(or $(TAG),$(version))
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

.PHONY: help run build test e2e bench generate golden images chart lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## sentry and two sample apps with their sidecars, until Ctrl-C (BACKEND=servers: on Redis and RabbitMQ)
	@samples/run.sh

build: ## the native executables, in dist/
	@command -v clang >/dev/null && test -e /usr/include/zlib.h || .ci/install clang zlib1g-dev
	@for project in $(services); do dotnet publish "$$project" --configuration Release --runtime $(rid) --output dist --nologo \
	  -p:CopyOutputSymbolsToPublishDirectory=false -p:PublishDocumentationFiles=false -p:PublishReferencesDocumentationFiles=false; done
	@ls -l --block-size=K dist

test: build ## all tests, the end-to-end ones against dist/daprd (ONLY=name: those of the test projects with that in their name)
	@tests/install-servers.sh
	@tests/install-kubectl.sh
	@tests/run.sh $(ONLY)

# Where the end-to-end tests find a real cluster, also when given as `make e2e KUBECONFIG=...`.
e2e: export KUBECONFIG := $(KUBECONFIG)
e2e: export IMAGE_REGISTRY := $(IMAGE_REGISTRY)
e2e: export IMAGE_TAG := $(IMAGE_TAG)
e2e: export APP_IMAGE := $(APP_IMAGE)
e2e: $(if $(KUBECONFIG),,build) ## installs the chart and uses it, on the cluster of KUBECONFIG (IMAGE_REGISTRY= IMAGE_TAG= APP_IMAGE=) or a stand-in
	@tests/install-servers.sh
	@tests/install-kubectl.sh
	@tests/e2e.sh

bench: ## measures dist/daprd, or DAPRD=/path (SCENARIOS=startup,http QUICK=1 MINUTES=10 SAVE=1)
	@tests/install-servers.sh
	@dotnet run --configuration Release --project bench/DaprK8s.Bench -- \
	  $(if $(SCENARIOS),--scenarios $(SCENARIOS)) $(if $(QUICK),--quick) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SAVE),-o)

generate: ## what is made from code: custom resource definitions, the operator's component catalogue
	@dotnet run --configuration Release --project crds/generator

golden: ## the golden files: what the chart renders to, and injected pods, written anew
	@UPDATE_GOLDEN=1 dotnet run --configuration Release --project tests/DaprK8s.Injector.Tests -- -noLogo -noColor -class DaprK8s.Injector.Tests.Sidecar.GoldenPodTests
	@UPDATE_GOLDEN=1 dotnet run --configuration Release --project tests/DaprK8s.Chart.Tests -- -noLogo -noColor -trait "Golden=files"

images: ## the container images (REGISTRY=... TAG=... PLATFORMS=linux/amd64,linux/arm64 PUSH=1)
	@VERSION='$(version)' TAG='$(tag)' REGISTRY='$(or $(REGISTRY),ghcr.io/daprk8s)' PLATFORMS='$(PLATFORMS)' PUSH='$(PUSH)' \
	  .ci/images $(patsubst %/Dockerfile,%,$(wildcard $(addsuffix /Dockerfile,sidecar operator injector placement sentry scheduler)))

chart: ## the chart, checked, rendered and packaged, in dist/charts (VERSION=... TAG=... REGISTRY=...)
	@VERSION='$(version)' TAG='$(tag)' REGISTRY='$(REGISTRY)' .ci/chart

lint: ## code style and analyzers, changes nothing
	@dotnet format DaprK8s.sln --verify-no-changes --severity warn
	@dotnet build DaprK8s.sln --configuration Release --nologo --verbosity quiet

clean: ## what was built, and the data of sample runs
	@rm -rf dist .run TestResults samples/warehouse/node_modules
	@find . -type d \( -name bin -o -name obj \) -not -path '*/node_modules/*' -prune -exec rm -rf {} +
