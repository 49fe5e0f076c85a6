# Two commands set everything up on a Debian machine with Python 3.11, git and make: `make demo` and `make test`.
PYTHON ?= python3.11
ARGS ?=
BIN := .venv/bin

# What Qt needs to draw, with and without a display; what the tests need besides.
APT_RUN := python3-venv libgl1 libegl1 libxkbcommon0 libfontconfig1 libglib2.0-0 libdbus-1-3 \
	libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 \
	libxcb-shape0 libxcb-xinerama0 libxcb-xkb1
APT_TEST := gcc libc6-dev libsqlite3-dev mmdebstrap cups cups-client softhsm2 chromium-headless-shell
APT_SOAK := qemu-system-x86 busybox-static cpio kmod udev

TEXTS := $(patsubst %.po,%.mo,$(wildcard config/locale/*/LC_MESSAGES/*.po))

.PHONY: demo test check format soak bench sim package pictures clean

demo: .venv/ready $(TEXTS)
	@$(BIN)/vaxdesk demo $(ARGS)

test: .venv/ready $(TEXTS) .venv/ready-test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak" $(ARGS)

check: .venv/ready $(TEXTS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: .venv/ready $(TEXTS) .venv/ready-test
	@.ci/apt $(APT_SOAK)
	$(BIN)/python -m pytest -m "soak" $(ARGS)

bench: .venv/ready $(TEXTS)
	$(BIN)/python -m tests.bench $(ARGS)

sim: .venv/ready $(TEXTS)
	$(BIN)/python -m tests.sim $(ARGS)

package: .venv/ready $(TEXTS)
	@.ci/apt binutils
	$(BIN)/pyinstaller --noconfirm --distpath dist --workpath build build.spec

pictures: .venv/ready $(TEXTS)
	for lang in en zh_CN; do \
		$(BIN)/vaxdesk --lang $$lang demo --headless --out demo-out/$$lang && \
		mkdir -p docs/pictures/$$lang && \
		for file in demo-out/$$lang/*.png; do \
			cp $$file docs/pictures/$$lang/$$(basename $$file | cut -c 4-); \
		done || exit 1; \
	done
	cp docs/pictures/en/checked.png docs/pictures/counter.png
	cp docs/pictures/zh_CN/checked.png docs/pictures/counter-zh.png
	cp demo-out/zh_CN/slips/slip-003.png docs/pictures/slip-zh.png

clean:
	rm -rf .venv build dist demo-out demo.json .deps

.venv/ready: requirements.lock pyproject.toml
	@.ci/apt $(APT_RUN)
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/ready-test: .venv/ready
	@.ci/apt $(APT_TEST)
	@touch $@

%.mo: %.po | .venv/ready
	@$(BIN)/pybabel -q compile -i $< -o $@
