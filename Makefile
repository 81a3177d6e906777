# SoundVis: every task of the project as one command. `make` alone lists them.
# What a task does lies in tools/; what it needs is set up on the way.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PYTHON ?= /usr/bin/python3

.PHONY: help setup demo test package install qgis lint bench test-matrix lock clean

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## Set up all that the other tasks need: QGIS, two virtual environments (quick when done before)
	@tools/setup.sh

demo: setup package ## Run the main job on the sample town, through qgis_process; results in build/demo/
	@tools/demo.sh

test: setup package ## Run the whole suite (SUITE="core core-qgis qgis package", ARGS="-k name" narrow it)
	@tools/test.sh

package: ## Stage the plugin in build/soundvis_qgis and zip it into dist/
	@$(PYTHON) -B tools/build_plugin.py

install: package ## Put the plugin into your QGIS profile (PROFILE=default) and enable it
	@tools/install.sh

qgis: setup package ## Open desktop QGIS with the plugin and the demo project
	@tools/desktop.sh

lint: setup ## Check style (ruff) and types (mypy)
	@tools/lint.sh

bench: setup package ## Measure every performance claim (ONLY=name: one); results in build/bench.json
	@PYTHONPATH=. .venv/bin/python -B benchmarks/run.py $(ONLY)

test-matrix: setup package ## Run the tests in QGIS on 3.22, 3.40 and 3.44, in chroots (needs root; ONLY=3.40: one)
	@tools/matrix.sh $(ONLY)

lock: ## Write requirements/*.lock anew from requirements/*.in
	@tools/lock.sh

clean: ## Remove all that the other tasks made here
	@tools/clean.sh
