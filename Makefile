# A thin door to CMake: each command installs what it lacks, configures, builds and runs.
PREFIX ?= /usr/local
ARGS ?=
CMAKE_FLAGS ?=
FUZZ_SECONDS ?= 60
FUZZ_JOBS ?= 1

CTEST = ctest --output-on-failure --parallel $(shell expr $$(nproc) \* 2)

.PHONY: build run test test-dev test-tsan lint format fuzz bench coverage install clean help

# What a folder of build/ was configured with stays in its cache, so each command says both.
build:
	@scripts/bootstrap build
	@cmake --preset release -DTABURET_TESTS=OFF -DTABURET_BENCH=OFF $(CMAKE_FLAGS)
	@cmake --build --preset release

run: build
	@exec build/taburet serve $(ARGS)

test:
	@scripts/bootstrap build test
	@cmake --preset release -DTABURET_TESTS=ON -DTABURET_BENCH=OFF $(CMAKE_FLAGS)
	@cmake --build --preset release
	@$(CTEST) --preset release

test-dev:
	@scripts/bootstrap build test
	@cmake --preset dev $(CMAKE_FLAGS)
	@cmake --build --preset dev
	@$(CTEST) --preset dev

test-tsan:
	@scripts/bootstrap build test
	@cmake --preset tsan $(CMAKE_FLAGS)
	@cmake --build --preset tsan
	@$(CTEST) --preset tsan

lint:
	@scripts/bootstrap build test lint bench
	@cmake --preset lint $(CMAKE_FLAGS)
	@scripts/lint

format:
	@scripts/bootstrap lint
	@find src tests fuzz bench -name node_modules -prune -o -name '*.[ch]' -print0 | \
		xargs -0 -r clang-format -i

fuzz:
	@scripts/bootstrap build fuzz
	@cmake --preset fuzz $(CMAKE_FLAGS)
	@cmake --build --preset fuzz
	@scripts/fuzz $(FUZZ_SECONDS) $(FUZZ_JOBS)

bench:
	@scripts/bootstrap build bench
	@cmake --preset release -DTABURET_TESTS=OFF -DTABURET_BENCH=ON $(CMAKE_FLAGS)
	@cmake --build --preset release
	@bench/run

coverage:
	@scripts/bootstrap build test coverage
	@cmake --preset coverage $(CMAKE_FLAGS)
	@cmake --build --preset coverage
	@$(CTEST) --preset coverage
	@cd build/coverage && gcovr --root ../.. --filter ../../src/ --exclude-unreachable-branches .

install: build
	@DESTDIR="$(DESTDIR)" cmake --install build/release \
		--prefix "$(patsubst ~/%,$(HOME)/%,$(PREFIX))"

clean:
	@rm -rf build

help:
	@echo 'make run        build and start the server (ARGS="--port 5000")'
	@echo 'make build      build/taburet, optimised (the default)'
	@echo 'make test       every test'
	@echo 'make test-dev   every test under the address and undefined behaviour sanitizers'
	@echo 'make test-tsan  the tests that cross threads under the thread sanitizer'
	@echo 'make lint       layout, layers, static analysis'
	@echo 'make format     let clang-format lay out the sources'
	@echo 'make fuzz       each fuzz target for FUZZ_SECONDS (60)'
	@echo 'make bench      measure beside the peers'
	@echo 'make coverage   which lines the tests run'
	@echo 'make install    to PREFIX (/usr/local), under DESTDIR'
	@echo 'make clean      remove build/'
